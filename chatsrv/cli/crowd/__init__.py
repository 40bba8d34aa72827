"""The people of `chatsrv demo`: who they are, what they do, and how they connect."""
