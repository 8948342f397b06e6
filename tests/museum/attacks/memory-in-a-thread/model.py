import threading
import time


def hoard():
    kept = []
    while True:
        kept.append(bytearray(1 << 26))


threading.Thread(target=hoard, daemon=True).start()
time.sleep(1000)
