-- Rows of users have changed in SQL: what nodes have read of them is old.
-- ARGV[6] app  [7..] users, or * for everybody of the app
append('kind', 'stored', 'app', ARGV[6], 'user', table.concat(ARGV, ' ', 7))
return 1
