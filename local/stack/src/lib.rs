//! Everything on one machine: the functions, the emulator and an AWS mock.
