"""What a node remembers of the directory and of presence, and how it reads them: see docs/architecture.md.

`Following` reads the change log and is the only one to say what ends what. `Freshness` holds the marks of whatever is
remembered, `Mirror` presence, `RowCache` rows. `Sight` and `UserReads` are what the other services read through;
`Announcements` tell other nodes what this one has written into SQL.
"""
