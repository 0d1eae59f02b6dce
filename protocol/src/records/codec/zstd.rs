//! Zstandard (RFC 8878) through one of two crates: `zstd` (C, feature `zstd-native`) or `ruzstd` (Rust).
//!
//! Both read everything that Kafka's clients write. `ruzstd` compresses at one level, with a weaker result.

use super::{Codec, CodecError};

#[cfg(feature = "zstd-native")]
use native as backend;
#[cfg(not(feature = "zstd-native"))]
use rust as backend;

#[cfg(not(any(feature = "zstd-native", feature = "zstd-rust")))]
compile_error!("one of the features `zstd-native` and `zstd-rust` is needed");

pub(super) use backend::{State, compress};

/// The largest window that is read: what Kafka's own reader allows.
const WINDOW_MAX_LOG: u32 = 27;

/// A decoder that had a larger window is not kept for the next payload: it holds the window. 8 MiB is what RFC 8878
/// recommends encoders to stay within.
const WINDOW_KEPT: u64 = 8 << 20;

/// The frames of a payload.
pub(super) struct Frames<'a> {
    rest: &'a [u8],
    /// Inside a frame.
    open: bool,
    started: bool,
    large_window: bool,
}

impl<'a> Frames<'a> {
    pub(super) fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload, open: false, started: false, large_window: false }
    }

    /// Whether the decoder now holds more memory than is good to keep.
    pub(super) fn has_large_window(&self) -> bool {
        self.large_window
    }

    pub(super) fn append(&mut self, state: &mut State, out: &mut Vec<u8>) -> Result<bool, CodecError> {
        let before = out.len();
        if !self.started {
            state.restart()?;
            self.started = true;
        }
        while out.len() == before {
            if !self.open {
                self.rest = skip_skippable(self.rest)?;
                if self.rest.is_empty() {
                    return Ok(false);
                }
                let window = window_size(self.rest).ok_or(Codec::Zstd.corrupt("not a zstd frame"))?;
                if window > 1 << WINDOW_MAX_LOG {
                    return Err(Codec::Zstd.corrupt("a window of more than 128 MiB"));
                }
                if window > WINDOW_KEPT {
                    // A used decoder would make room for the whole window at once, a new one as data comes.
                    *state = State::default();
                    state.restart()?;
                    self.large_window = true;
                }
                state.open(&mut self.rest)?;
                self.open = true;
            }
            self.open = state.append(&mut self.rest, out)?;
        }
        Ok(true)
    }
}

/// Jumps over frames that carry no data.
fn skip_skippable(mut bytes: &[u8]) -> Result<&[u8], CodecError> {
    while let [0x50..=0x5f, 0x2a, 0x4d, 0x18, rest @ ..] = bytes {
        bytes = rest
            .split_first_chunk::<4>()
            .and_then(|(len, rest)| rest.get(u32::from_le_bytes(*len) as usize..))
            .ok_or(Codec::Zstd.corrupt("it ends too early"))?;
    }
    Ok(bytes)
}

/// The window that the frame's header asks for, in bytes; `None` when there is no header.
fn window_size(frame: &[u8]) -> Option<u64> {
    const SINGLE_SEGMENT: u8 = 1 << 5;
    let [0x28, 0xb5, 0x2f, 0xfd, descriptor, rest @ ..] = frame else { return None };
    if descriptor & SINGLE_SEGMENT == 0 {
        let window = *rest.first()?;
        let base = 1u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    // Without a window descriptor the window is the content, whose size follows the dictionary id.
    let rest = rest.get([0, 1, 2, 4][usize::from(descriptor & 3)]..)?;
    Some(match descriptor >> 6 {
        0 => u64::from(*rest.first()?),
        1 => u64::from(u16::from_le_bytes(*rest.first_chunk()?)) + 256,
        2 => u64::from(u32::from_le_bytes(*rest.first_chunk()?)),
        _ => u64::from_le_bytes(*rest.first_chunk()?),
    })
}

#[cfg(feature = "zstd-native")]
mod native {
    use zstd::bulk::Compressor;
    use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

    use super::super::stream::{PIECE, with_scratch};
    use super::{Codec, CodecError, WINDOW_MAX_LOG};

    /// Faster than Kafka's default of 3, and on records its result is not larger.
    const LEVEL: i32 = 1;

    /// The library's contexts, made at first use.
    #[derive(Default)]
    pub(in super::super) struct State {
        decoder: Option<Decoder<'static>>,
        compressor: Option<Compressor<'static>>,
    }

    pub(in super::super) fn compress(payload: &[u8], level: Option<i32>, out: &mut Vec<u8>) -> Option<()> {
        with_scratch(|scratch| {
            let compressor = match &mut scratch.zstd.compressor {
                Some(compressor) => compressor,
                none => none.insert(Compressor::new(LEVEL).ok()?),
            };
            compressor.set_compression_level(level.unwrap_or(LEVEL)).ok()?;
            out.extend_from_slice(&compressor.compress(payload).ok()?);
            Some(())
        })
    }

    impl State {
        pub(super) fn restart(&mut self) -> Result<(), CodecError> {
            let start = || {
                let mut decoder = Decoder::new()?;
                decoder.set_parameter(DParameter::WindowLogMax(WINDOW_MAX_LOG))?;
                Ok::<_, std::io::Error>(decoder)
            };
            let started = match &mut self.decoder {
                Some(decoder) => decoder.reinit(),
                none => start().map(|decoder| *none = Some(decoder)),
            };
            started.map_err(|_| Codec::Zstd.corrupt("no memory for a decoder"))
        }

        #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the library reads headers by itself")]
        pub(super) fn open(&mut self, _frame: &mut &[u8]) -> Result<(), CodecError> {
            Ok(())
        }

        /// Decodes a piece; false when the frame is complete.
        pub(super) fn append(&mut self, frame: &mut &[u8], out: &mut Vec<u8>) -> Result<bool, CodecError> {
            let decoder = self.decoder.as_mut().ok_or(Codec::Zstd.corrupt("no decoder"))?;
            out.reserve(PIECE);
            let before = out.len();
            let mut input = InBuffer::around(frame);
            let mut output = OutBuffer::around_pos(out, before);
            let hint =
                decoder.run(&mut input, &mut output).map_err(|_| Codec::Zstd.corrupt("a frame does not decompress"))?;
            let read = input.pos();
            *frame = frame.get(read..).unwrap_or_default();
            if hint != 0 && read == 0 && out.len() == before {
                return Err(Codec::Zstd.corrupt("it ends too early"));
            }
            Ok(hint != 0)
        }
    }
}

#[cfg(not(feature = "zstd-native"))]
mod rust {
    use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::super::stream::PIECE;
    use super::{Codec, CodecError, WINDOW_MAX_LOG};

    /// The decoder, with its window.
    pub(in super::super) struct State(FrameDecoder);

    impl Default for State {
        fn default() -> Self {
            let mut decoder = FrameDecoder::new();
            decoder.set_max_window_size(1 << WINDOW_MAX_LOG);
            Self(decoder)
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the other backend can fail")]
    pub(in super::super) fn compress(payload: &[u8], _level: Option<i32>, out: &mut Vec<u8>) -> Option<()> {
        out.extend_from_slice(&compress_to_vec(payload, CompressionLevel::Fastest));
        Some(())
    }

    impl State {
        #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the other backend needs it")]
        pub(super) fn restart(&mut self) -> Result<(), CodecError> {
            Ok(())
        }

        pub(super) fn open(&mut self, frame: &mut &[u8]) -> Result<(), CodecError> {
            self.0.reset(frame).map_err(|_| Codec::Zstd.corrupt("a frame's header does not make sense"))
        }

        /// Decodes a piece; false when the frame is complete.
        pub(super) fn append(&mut self, frame: &mut &[u8], out: &mut Vec<u8>) -> Result<bool, CodecError> {
            self.0
                .decode_blocks(frame, BlockDecodingStrategy::UptoBytes(PIECE))
                .map_err(|_| Codec::Zstd.corrupt("a frame does not decompress"))?;
            self.0.collect_to_writer(out).map_err(|_| Codec::Zstd.corrupt("a frame does not decompress"))?;
            if !self.0.is_finished() {
                return Ok(true);
            }
            let stored = self.0.get_checksum_from_data();
            if stored.is_some() && stored != self.0.get_calculated_checksum() {
                return Err(Codec::Zstd.corrupt("the content's checksum does not match"));
            }
            Ok(false)
        }
    }
}
