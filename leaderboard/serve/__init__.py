"""Starting and running a leaderboard: bootstrap, processes, WSGI server, lease reaper."""
