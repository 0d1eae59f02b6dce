//! Zigzag variable-length integers of records.
//!
//! Like Kafka, reading takes encodings that are longer than needed and drops bits beyond the width of the integer,
//! but never more than five bytes for 32 bits or ten for 64.

/// Longest encoding of 64 bits.
pub(super) const MAX_LEN: usize = 10;

pub(super) fn put(out: &mut Vec<u8>, value: i64) {
    let mut rest = (value << 1 ^ value >> 63) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Bytes that [`put`] writes.
pub(super) fn len(value: i64) -> usize {
    let bits = 64 - ((value << 1 ^ value >> 63) as u64 | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// Reads one integer of at most `longest` bytes (5 or 10) from `next`; `None` when it does not end by then.
pub(super) fn read<E>(longest: usize, mut next: impl FnMut() -> Result<u8, E>) -> Result<Option<u64>, E> {
    let mut value = 0u64;
    for position in 0..longest {
        let byte = next()?;
        value |= u64::from(byte & 0x7f) << (7 * position);
        if byte < 0x80 {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

pub(super) fn unzigzag32(value: u64) -> i32 {
    let value = value as u32;
    (value >> 1) as i32 ^ -((value & 1) as i32)
}

pub(super) fn unzigzag64(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8], longest: usize) -> Option<u64> {
        let mut bytes = bytes.iter();
        read(longest, || bytes.next().copied().ok_or(())).unwrap()
    }

    #[test]
    fn what_is_put_is_read() {
        for value in [0, 1, -1, 63, 64, -64, -65, i64::from(i32::MAX), i64::from(i32::MIN), i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            put(&mut out, value);
            assert!(out.len() <= MAX_LEN);
            assert_eq!(out.len(), len(value));
            assert_eq!(decode(&out, MAX_LEN).map(unzigzag64), Some(value));
            if let Ok(small) = i32::try_from(value) {
                assert_eq!(decode(&out, 5).map(unzigzag32), Some(small));
            }
        }
    }

    #[test]
    fn endless_integers_are_refused() {
        assert_eq!(decode(&[0x80, 0x80, 0x80, 0x80, 0x80, 0], 5), None);
        assert_eq!(decode(&[0x80; 11], MAX_LEN), None);
        assert_eq!(decode(&[0x80, 0x80, 0x80, 0x80, 0], 5), Some(0));
    }
}
