//! Checks the reader that makes the text of a record plain.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(fault) = fuzz::text::check(text) {
        panic!("{fault}");
    }
});
