//! Kafka's text of a UUID: its sixteen bytes in base64 with the URL-safe alphabet and without padding, 22 characters.

use uuid::Uuid;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const LEN: usize = 22;

/// The text, as in `partition.metadata` and cluster ids.
pub fn encode(id: Uuid) -> String {
    // 128 bits are 21 digits of six bits and one of two, which is padded with zeroes to six.
    let bits = id.as_u128();
    let digit = |i: usize| if i < LEN - 1 { bits >> (122 - 6 * i) } else { bits << 4 };
    (0..LEN).map(|i| char::from(ALPHABET[(digit(i) & 63) as usize])).collect()
}

/// The UUID of a text; `None` when it is not exactly what [`encode`] writes.
pub fn decode(text: &str) -> Option<Uuid> {
    let digits = text.as_bytes();
    if digits.len() != LEN {
        return None;
    }
    let mut bits = 0u128;
    for (i, digit) in digits.iter().enumerate() {
        let value = ALPHABET.iter().position(|a| a == digit)? as u128;
        bits = if i < LEN - 1 { bits << 6 | value } else { bits << 2 | value >> 4 };
        if i == LEN - 1 && value & 15 != 0 {
            return None;
        }
    }
    Some(Uuid::from_u128(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_kafkas() {
        // Pairs written by Kafka's own Uuid class.
        for (hex, text) in [
            (0, "AAAAAAAAAAAAAAAAAAAAAA"),
            (1, "AAAAAAAAAAAAAAAAAAAAAQ"),
            (u128::MAX, "_____________________w"),
            (0xe0be_a0de_7485_4fe7_8c0a_d2be_fbe5_fac1, "4L6g3nSFT-eMCtK---X6wQ"),
        ] {
            assert_eq!(encode(Uuid::from_u128(hex)), text);
            assert_eq!(decode(text), Some(Uuid::from_u128(hex)));
        }
    }

    #[test]
    fn any_id_round_trips() {
        for _ in 0..1000 {
            let id = Uuid::new_v4();
            assert_eq!(decode(&encode(id)), Some(id));
        }
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "AAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAA+A",
            "AAAAAAAAAAAAAAAAAAAAAB",
            "éAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
