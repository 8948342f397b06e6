"""What the tests of several folders share: data, processes, faults and attacks."""
