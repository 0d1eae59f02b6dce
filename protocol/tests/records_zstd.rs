//! Zstandard as clients make it: every level, windows up to the largest that Kafka reads, and back.

use naru_protocol::records::Codec;
use zstd::stream::raw::CParameter;

/// Records-like text that does not repeat too soon, 5 MB of it.
fn text() -> Vec<u8> {
    let mut seed = 1u32;
    let mut out = Vec::new();
    while out.len() < 5_000_000 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        out.extend_from_slice(
            format!("{{\"order\":{},\"state\":\"paid\",\"amount\":{}}},", seed >> 12, seed >> 20).as_bytes(),
        );
    }
    out
}

fn streamed(text: &[u8], configure: impl FnOnce(&mut zstd::Encoder<'static, Vec<u8>>)) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    configure(&mut encoder);
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_level_is_read() {
    let text = text();
    for level in [-7, -1, 1, 2, 3, 5, 7, 9, 12, 15, 19, 22] {
        let text = if level > 9 { &text[..500_000] } else { &text[..] };
        let compressed = zstd::bulk::compress(text, level).unwrap();
        assert!(Codec::Zstd.decompress(&compressed, text.len()).unwrap() == text, "level {level}");
    }
}

#[test]
fn every_window_that_kafka_reads_is_read() {
    let text = text();
    for log in [10, 17, 21, 23, 25, 27] {
        let compressed = streamed(&text, |encoder| {
            encoder.set_parameter(CParameter::WindowLog(log)).unwrap();
            encoder.set_parameter(CParameter::EnableLongDistanceMatching(true)).unwrap();
            encoder.set_parameter(CParameter::ChecksumFlag(true)).unwrap();
        });
        assert!(Codec::Zstd.decompress(&compressed, text.len()).unwrap() == text, "window 2^{log}");
    }
    let too_large = streamed(&text, |encoder| encoder.set_parameter(CParameter::WindowLog(28)).unwrap());
    assert!(Codec::Zstd.decompress(&too_large, text.len()).is_err());
}

#[test]
fn a_wrong_checksum_is_found() {
    let text = &text()[..100_000];
    let mut compressed = streamed(text, |encoder| encoder.set_parameter(CParameter::ChecksumFlag(true)).unwrap());
    *compressed.last_mut().unwrap() ^= 1;
    assert!(Codec::Zstd.decompress(&compressed, text.len()).is_err());
}

#[test]
fn what_we_compress_the_library_reads() {
    let text = text();
    for len in [0, 1, 100, 10_000, 131_071, 131_072, 131_073, 1_000_000, 5_000_000] {
        for text in [&text[..len], &vec![7; len]] {
            let mut compressed = Vec::new();
            Codec::Zstd.compress(text, &mut compressed).unwrap();
            assert!(zstd::bulk::decompress(&compressed, len).unwrap() == text, "{len}");
        }
    }
}
