use bytes::Bytes;
use bytestring::ByteString;
use proptest::prelude::*;

use super::{
    DecodeError, EncodeError, Nullable, Reader, Records, SHARE_FROM, TaggedFields, Version, Wire, Writer,
    decode_nullable_if, encode_nullable_if,
};

const OLD: Version = Version { number: 0, flexible: false };
const FLEXIBLE: Version = Version { number: 9, flexible: true };

fn written(write: impl FnOnce(&mut Writer)) -> Bytes {
    let mut w = Writer::new();
    write(&mut w);
    w.into_bytes()
}

fn round_trip<T: Wire>(value: &T, v: Version) -> T {
    let mut r = Reader::new(written(|w| value.encode(w, v).unwrap()));
    let decoded = T::decode(&mut r, v).unwrap();
    r.expect_end().unwrap();
    decoded
}

proptest! {
    #[test]
    fn unsigned_varints_come_back(value: u32) {
        let bytes = written(|w| w.put_unsigned_varint(value));
        prop_assert_eq!(bytes.len(), (32 - value.leading_zeros()).div_ceil(7).max(1) as usize);
        prop_assert_eq!(Reader::new(bytes).unsigned_varint().unwrap(), value);
    }

    #[test]
    fn unsigned_varlongs_come_back(value: u64) {
        let bytes = written(|w| w.put_unsigned_varlong(value));
        prop_assert_eq!(bytes.len(), (64 - value.leading_zeros()).div_ceil(7).max(1) as usize);
        prop_assert_eq!(Reader::new(bytes).unsigned_varlong().unwrap(), value);
    }

    #[test]
    fn varints_come_back_and_small_ones_are_short(value: i32, small in -64..64) {
        prop_assert_eq!(Reader::new(written(|w| w.put_varint(value))).varint().unwrap(), value);
        prop_assert_eq!(written(|w| w.put_varint(small)).len(), 1);
    }

    #[test]
    fn varlongs_come_back(value: i64) {
        prop_assert_eq!(Reader::new(written(|w| w.put_varlong(value))).varlong().unwrap(), value);
    }

    #[test]
    fn any_bytes_are_a_varint_or_an_error(bytes: Vec<u8>) {
        let mut r = Reader::new(bytes.into());
        while r.remaining() > 0 {
            let before = r.position();
            let _ = r.varlong();
            prop_assert!(r.position() > before);
        }
    }

    #[test]
    fn strings_and_arrays_come_back(texts: Option<Vec<String>>, flexible: bool) {
        let v = if flexible { FLEXIBLE } else { OLD };
        let texts: Option<Vec<ByteString>> = texts.map(|texts| texts.into_iter().map(ByteString::from).collect());
        prop_assert_eq!(round_trip(&texts, v), texts);
    }
}

#[test]
fn varints_are_those_of_kafka() {
    let cases: [(i32, &[u8]); 6] = [
        (0, &[0]),
        (-1, &[1]),
        (63, &[0x7e]),
        (64, &[0x80, 0x01]),
        (i32::MAX, &[0xfe, 0xff, 0xff, 0xff, 0x0f]),
        (i32::MIN, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
    ];
    for (value, bytes) in cases {
        assert_eq!(&*written(|w| w.put_varint(value)), bytes);
        assert_eq!(Reader::new(Bytes::copy_from_slice(bytes)).varint(), Ok(value));
    }
}

#[test]
fn a_varint_that_does_not_end_is_refused() {
    let mut r = Reader::new(Bytes::from_static(&[0xff; 20]));
    assert_eq!(r.unsigned_varint(), Err(DecodeError::VarintTooLong { position: 0 }));
    assert_eq!(r.unsigned_varlong(), Err(DecodeError::VarintTooLong { position: 5 }));
}

#[test]
fn strings_are_slices_of_the_frame() {
    let frame = Bytes::from_static(b"\0\x06orders");
    let text = ByteString::decode(&mut Reader::new(frame.clone()), OLD).unwrap();
    assert_eq!(text, "orders");
    assert_eq!(text.as_bytes().as_ptr(), frame[2..].as_ptr());
}

#[test]
fn what_is_not_utf8_is_replaced_as_kafka_does() {
    let frame = Bytes::from_static(b"\0\x08a\xe2\x28\xf0\x9f\x92bc");
    assert_eq!(ByteString::decode(&mut Reader::new(frame), OLD).unwrap(), "a\u{fffd}(\u{fffd}bc");
}

#[test]
fn every_negative_length_is_null() {
    let decode = |bytes: &'static [u8], v| ByteString::decode_nullable(&mut Reader::new(Bytes::from_static(bytes)), v);
    assert_eq!(decode(&[0xff, 0xff], OLD), Ok(None));
    assert_eq!(decode(&[0xff, 0xfe], OLD), Ok(None));
    assert_eq!(decode(&[0], FLEXIBLE), Ok(None));
    assert_eq!(
        ByteString::decode(&mut Reader::new(Bytes::from_static(&[0xff, 0xff])), OLD),
        Err(DecodeError::UnexpectedNull { position: 0 })
    );
}

#[test]
fn null_is_refused_where_the_version_forbids_it() {
    let mut r = Reader::new(Bytes::from_static(&[0xff; 4]));
    let refused = decode_nullable_if::<Vec<i32>>(false, "topics", &mut r, OLD);
    assert_eq!(refused, Err(DecodeError::NullField { field: "topics" }));
    let refused = encode_nullable_if::<Vec<i32>>(false, "topics", &None, &mut Writer::new(), OLD);
    assert_eq!(refused, Err(EncodeError::NullField { field: "topics", version: 0 }));
}

#[test]
fn a_count_is_checked_against_the_bytes_that_are_left() {
    let frame = Bytes::from_static(&[0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2]);
    let refused = Vec::<i32>::decode(&mut Reader::new(frame), OLD);
    assert_eq!(refused, Err(DecodeError::TooManyElements { position: 4, count: 3, remaining: 8 }));
}

#[test]
fn elements_that_are_larger_in_memory_than_on_the_wire_are_counted() {
    let empty_strings = |count: usize| {
        let frame = written(|w| vec![ByteString::new(); count].encode(w, FLEXIBLE).unwrap());
        Vec::<ByteString>::decode(&mut Reader::new(frame), FLEXIBLE)
    };
    assert_eq!(empty_strings(2000).unwrap().len(), 2000);
    assert_eq!(empty_strings(100_000), Err(DecodeError::MemoryExceeded { position: 3, count: 100_000 }));
}

#[test]
fn a_string_that_is_too_long_is_refused() {
    let text = ByteString::from("n".repeat(32_768));
    assert_eq!(text.encode(&mut Writer::new(), FLEXIBLE), Err(EncodeError::StringTooLong { length: 32_768 }));
    let frame = written(|w| {
        w.put_unsigned_varint(32_769);
        w.put_slice(text.as_bytes());
    });
    let refused = ByteString::decode(&mut Reader::new(frame), FLEXIBLE);
    assert_eq!(refused, Err(DecodeError::StringTooLong { position: 3, length: 32_768 }));
}

#[test]
fn large_shared_bytes_are_chunks_of_their_own_and_never_copied() {
    let large = Bytes::from(vec![7; SHARE_FROM]);
    let mut w = Writer::new();
    w.put_slice(b"head");
    Records::from(vec![large.clone(), large.clone(), Bytes::from_static(b"small")]).encode(&mut w, OLD).unwrap();
    assert_eq!(w.len(), 4 + 4 + 2 * SHARE_FROM + 5);
    let chunks = w.into_chunks();
    assert_eq!(chunks.iter().map(Bytes::len).collect::<Vec<_>>(), [8, SHARE_FROM, SHARE_FROM, 5]);
    assert_eq!(chunks[1].as_ptr(), large.as_ptr());
    assert_eq!(chunks[2].as_ptr(), large.as_ptr());
}

#[test]
fn the_length_of_a_frame_is_known_at_its_end() {
    let large = Bytes::from(vec![7; SHARE_FROM]);
    for body in [Bytes::from_static(b"abc"), large] {
        let mut w = Writer::for_frame();
        w.put_shared(&body);
        let frame = w.into_frame().unwrap().concat();
        assert_eq!(frame[..4], (body.len() as u32).to_be_bytes());
        assert_eq!(frame[4..], body);
    }
}

#[test]
fn large_bytes_in_a_tagged_field_stay_behind_their_size() {
    let large = Bytes::from(vec![7; SHARE_FROM]);
    let bytes = written(|w| {
        let mut tags = TaggedFields::begin(w);
        tags.put(w, 3, &large, FLEXIBLE).unwrap();
        tags.put(w, 5, &1i16, FLEXIBLE).unwrap();
        tags.end(w);
        w.put_shared(&large);
    });
    let mut r = Reader::new(bytes);
    let (mut first, mut second) = (None, None);
    r.tagged_fields(FLEXIBLE, &mut |r, tag| {
        match tag {
            3 => first = Some(Bytes::decode(r, FLEXIBLE)?),
            5 => second = Some(i16::decode(r, FLEXIBLE)?),
            _ => return Ok(false),
        }
        Ok(true)
    })
    .unwrap();
    assert_eq!((first, second), (Some(large.clone()), Some(1)));
    assert_eq!(r.into_rest(), large);
}

#[test]
fn unknown_tagged_fields_are_skipped() {
    let mut r = Reader::new(Bytes::from_static(&[2, 9, 3, b'a', b'b', b'c', 11, 0, 42]));
    r.skip_tagged_fields(FLEXIBLE).unwrap();
    assert_eq!(r.byte(), Ok(42));
}
