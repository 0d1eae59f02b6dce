#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| naru_fuzz::requests_groups(input));
