"""The participant's commands of `mbc`, one module each."""
