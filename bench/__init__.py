"""The benchmark: real Sqitch, our command line and the floor, paired in one run."""
