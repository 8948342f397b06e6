"""Small helpers without domain knowledge: exit codes, caches, atomic files, queue names."""
