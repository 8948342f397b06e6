"""Run a command where no user namespace can be made, as in a container as it ships; only root can.

The limit is that of a user namespace made for it: the machine's own settings stay as they are.
"""

_SET = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"'
_IDS = "0,0,65536"


def without_user_namespaces(*command):
    """The command line."""
    namespace = ["unshare", "--user", f"--map-users={_IDS}", f"--map-groups={_IDS}"]
    return [*namespace, "sh", "-ec", _SET, "sh", *map(str, command)]
