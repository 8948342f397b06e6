import sys
import threading

sys.setrecursionlimit(1 << 30)


def deeper(_value=None):
    return max([1], key=deeper)


threading.stack_size(64 << 20)
thread = threading.Thread(target=deeper)
thread.start()
thread.join()
