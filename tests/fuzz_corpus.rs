//! What the fuzzer found worth keeping (`fuzz/corpus`), played again by the toolchain that everybody has.

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine};

#[test]
fn no_input_that_a_fuzzer_kept_does_harm() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, target) in fuzz::TARGETS {
        let path = corpus.join(format!("{name}.txt"));
        let inputs = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(!inputs.is_empty(), "{name}");
        for input in inputs.lines() {
            let bytes = BASE64_STANDARD.decode(input).expect("base64");
            assert!(std::panic::catch_unwind(|| target(&bytes)).is_ok(), "{name} fails on {input}");
        }
    }
}
