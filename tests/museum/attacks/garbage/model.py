import os

for descriptor in range(3, 60):
    try:
        os.write(descriptor, b"x" * 100)
    except OSError:
        pass
