# The tests of the core and the ABI.
