//! The text of a record, made plain.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(fault) = fuzz::text::check(text) {
        panic!("{fault}");
    }
});
