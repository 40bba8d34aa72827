-- A user has another name: sockets that watch them are to be told of changes under the new one.
-- ARGV[6] app  [7] user  [8] new username
append('kind', 'renamed', 'app', ARGV[6], 'user', ARGV[7], 'name', ARGV[8])
return 1
