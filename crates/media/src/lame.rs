//! MP3 by libmp3lame, which is loaded when the first recording asks for it.
//!
//! The library is LGPL and not linked: where it is absent, everything but MP3 works. Debian has it in the package libmp3lame0.
//! The bit reservoir is off, so that each frame can be played by itself, and a file that was cut off with it.
//! Unsafe code calls the library's functions; each context has one owner.

use std::ffi::{CStr, c_int, c_void};
use std::io::{Seek, SeekFrom, Write};
use std::mem::transmute;
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::time::Duration;

use audio::WriteError;
use audio::write::Layout;

/// What is loaded, and what to say where it is not there.
const LIBRARY: &CStr = c"libmp3lame.so.0";
const ABSENT: &str = "MP3 needs libmp3lame, which is not there (Debian: apt-get install libmp3lame0)";
/// What an encoding call may put out at most, beside its samples' share (lame.h).
const SLACK: usize = 7_200;
/// Samples of each channel a call: a second at 8 kHz.
const PIECE: usize = 8_000;
/// From 0, the best and slowest, to 9. Speech at these bitrates gains nothing from more.
const QUALITY: c_int = 7;
/// The modes of `MPEG_mode` in lame.h.
const JOINT_STEREO: c_int = 1;
const MONO: c_int = 3;

type Context = *mut c_void;
type Init = unsafe extern "C" fn() -> Context;
type Plain = unsafe extern "C" fn(Context) -> c_int;
type Set = unsafe extern "C" fn(Context, c_int) -> c_int;
type Encode = unsafe extern "C" fn(Context, *const i16, *const i16, c_int, *mut u8, c_int) -> c_int;
type EncodePairs = unsafe extern "C" fn(Context, *const i16, c_int, *mut u8, c_int) -> c_int;
type Flush = unsafe extern "C" fn(Context, *mut u8, c_int) -> c_int;
type Tag = unsafe extern "C" fn(Context, *mut u8, usize) -> usize;

/// The library's functions.
struct Lame {
    init: Init,
    close: Plain,
    init_params: Plain,
    set_channels: Set,
    set_rate_in: Set,
    set_rate_out: Set,
    set_kbps: Set,
    set_mode: Set,
    set_quality: Set,
    set_reservoir_off: Set,
    set_tag: Set,
    encode: Encode,
    encode_pairs: EncodePairs,
    flush: Flush,
    tag: Tag,
}

/// The library, loaded once and kept.
fn library() -> Result<&'static Lame, WriteError> {
    static LOADED: OnceLock<Option<Lame>> = OnceLock::new();
    LOADED.get_or_init(|| Lame::load(LIBRARY)).as_ref().ok_or(WriteError::Unsupported(ABSENT))
}

impl Lame {
    fn load(name: &CStr) -> Option<Lame> {
        // SAFETY: the name is a C string; the library's initialisers are the loader's business.
        let library =
            NonNull::new(unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) })?;
        // SAFETY: the handle is open and stays so; the name is a C string.
        let symbol = |name: &CStr| NonNull::new(unsafe { libc::dlsym(library.as_ptr(), name.as_ptr()) });
        macro_rules! function {
            ($name:literal as $type:ty) => {
                // SAFETY: lame.h of 3.100 declares the function of this name as the field's type has it, and its
                // binary interface is that of the library's name, `.so.0`.
                unsafe { transmute::<*mut c_void, $type>(symbol($name)?.as_ptr()) }
            };
        }
        Some(Lame {
            init: function!(c"lame_init" as Init),
            close: function!(c"lame_close" as Plain),
            init_params: function!(c"lame_init_params" as Plain),
            set_channels: function!(c"lame_set_num_channels" as Set),
            set_rate_in: function!(c"lame_set_in_samplerate" as Set),
            set_rate_out: function!(c"lame_set_out_samplerate" as Set),
            set_kbps: function!(c"lame_set_brate" as Set),
            set_mode: function!(c"lame_set_mode" as Set),
            set_quality: function!(c"lame_set_quality" as Set),
            set_reservoir_off: function!(c"lame_set_disable_reservoir" as Set),
            set_tag: function!(c"lame_set_bWriteVbrTag" as Set),
            encode: function!(c"lame_encode_buffer" as Encode),
            encode_pairs: function!(c"lame_encode_buffer_interleaved" as EncodePairs),
            flush: function!(c"lame_encode_flush" as Flush),
            tag: function!(c"lame_get_lametag_frame" as Tag),
        })
    }
}

/// Writes one recording.
pub(crate) struct Mp3Writer<W: Write + Seek> {
    writer: W,
    lame: &'static Lame,
    context: NonNull<c_void>,
    layout: Layout,
    samples: u64,
    frames: Vec<u8>,
}

// SAFETY: a context is memory of its own, without ties to the thread that made it, and has one owner.
unsafe impl<W: Write + Seek + Send> Send for Mp3Writer<W> {}

impl<W: Write + Seek> Mp3Writer<W> {
    /// Begins a recording in `writer`, which must be empty, at `kbps` kilobits a second; the library takes the nearest that MP3 has.
    /// [`WriteError::Unsupported`] where the library is absent or refuses.
    pub(crate) fn new(writer: W, layout: Layout, kbps: u16) -> Result<Mp3Writer<W>, WriteError> {
        let lame = library()?;
        // SAFETY: takes nothing; the result is checked.
        let context = NonNull::new(unsafe { (lame.init)() });
        let context = context.ok_or(WriteError::Unsupported("libmp3lame has no memory"))?;
        let file = Mp3Writer { writer, lame, context, layout, samples: 0, frames: Vec::new() };
        let rate = layout.rate.hertz() as c_int;
        let settings: [(Set, c_int); 8] = [
            (lame.set_channels, layout.channels().into()),
            (lame.set_rate_in, rate),
            (lame.set_rate_out, rate),
            (lame.set_kbps, kbps.into()),
            (lame.set_mode, if layout.stereo { JOINT_STEREO } else { MONO }),
            (lame.set_quality, QUALITY),
            (lame.set_reservoir_off, 1),
            (lame.set_tag, 1),
        ];
        // SAFETY: the context is the library's and alive.
        let refused = settings.into_iter().any(|(set, value)| unsafe { set(context.as_ptr(), value) } < 0);
        // SAFETY: as before. With a rate of 0 it would choose one by itself.
        if rate == 0 || refused || unsafe { (lame.init_params)(context.as_ptr()) } < 0 {
            return Err(WriteError::Unsupported("MP3 at this sampling rate or bitrate"));
        }
        Ok(file)
    }

    /// Encodes samples; those of two channels take turns. Whole frames go to the file at once.
    pub(crate) fn write(&mut self, samples: &[i16]) -> Result<(), WriteError> {
        let channels = usize::from(self.layout.channels());
        self.samples += samples.len() as u64;
        for piece in samples.chunks(PIECE * channels) {
            let each = piece.len() / channels;
            self.frames.resize(each * 5 / 4 + SLACK, 0);
            let (to, room) = (self.frames.as_mut_ptr(), self.frames.len() as c_int);
            let context = self.context.as_ptr();
            // SAFETY: the context is alive; `piece` holds `each` samples of each channel, and `frames` has the room that it
            // is said to have, which is what lame.h asks for.
            let n = unsafe {
                match self.layout.stereo {
                    true => (self.lame.encode_pairs)(context, piece.as_ptr(), each as c_int, to, room),
                    false => {
                        (self.lame.encode)(context, piece.as_ptr(), piece.as_ptr(), each as c_int, to, room)
                    }
                }
            };
            self.put(n)?;
        }
        Ok(())
    }

    /// Write the first `n` bytes of `frames`; a negative count is the library's error.
    fn put(&mut self, n: c_int) -> Result<(), WriteError> {
        let n = usize::try_from(n).map_err(|_| WriteError::Unsupported("libmp3lame failed"))?;
        Ok(self.writer.write_all(self.frames.get(..n).unwrap_or_default())?)
    }

    /// The last frames, and in the first one how long the sound is.
    pub(crate) fn finish(mut self) -> Result<Duration, WriteError> {
        self.frames.resize(SLACK, 0);
        // SAFETY: the context is alive, and `frames` has the room that it is said to have.
        let n = unsafe { (self.lame.flush)(self.context.as_ptr(), self.frames.as_mut_ptr(), SLACK as c_int) };
        self.put(n)?;
        // SAFETY: as before; with too little room nothing is written.
        let n = unsafe { (self.lame.tag)(self.context.as_ptr(), self.frames.as_mut_ptr(), SLACK) };
        if (1..=SLACK).contains(&n) {
            self.writer.seek(SeekFrom::Start(0))?;
            self.put(n as c_int)?;
        }
        self.writer.flush()?;
        Ok(self.duration())
    }

    /// How much has been written.
    pub(crate) fn duration(&self) -> Duration {
        self.layout.duration(self.samples as usize)
    }
}

impl<W: Write + Seek> Drop for Mp3Writer<W> {
    fn drop(&mut self) {
        // SAFETY: the context is alive until here, and nobody else has it.
        unsafe { (self.lame.close)(self.context.as_ptr()) };
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use audio::write::{Repair, mp3};
    use audio::{Rate, level, read, tone};

    use super::*;

    fn recording(layout: Layout, kbps: u16, ms: u64) -> Vec<u8> {
        let sound = tone::beep(440, Duration::from_millis(ms), layout.rate).samples;
        let mut file = Cursor::new(Vec::new());
        let mut writer = Mp3Writer::new(&mut file, layout, kbps).unwrap();
        for piece in sound.chunks(3_001) {
            match layout.stereo {
                true => writer.write(&piece.iter().flat_map(|s| [*s, *s]).collect::<Vec<_>>()).unwrap(),
                false => writer.write(piece).unwrap(),
            }
        }
        assert_eq!(writer.finish().unwrap(), Duration::from_millis(ms));
        file.into_inner()
    }

    #[test]
    fn what_is_written_is_read_back_and_its_frames_are_of_one_length() {
        for (rate, stereo, kbps) in
            [(8_000, false, 16), (16_000, false, 32), (48_000, true, 64), (8_000, true, 32)]
        {
            let bytes = recording(Layout { rate: Rate(rate), stereo }, kbps, 1_500);
            assert!(bytes.len() as u64 * 8 / 1_500 <= u64::from(kbps) * 6 / 5 + 4, "{rate}: {}", bytes.len());
            let back = read::decode(bytes.clone(), Some("mp3")).unwrap();
            // Without a tag, for which short frames have no room, the encoder's delay stays in.
            let length = back.duration().as_millis();
            assert!((1_500..1_800).contains(&length), "{rate}: {length} ms");
            let middle = &back.samples[back.samples.len() / 4..back.samples.len() * 3 / 4];
            assert!((level::rms_dbov(middle) + 15.0).abs() < 2.0, "{rate}: {}", level::rms_dbov(middle));
            assert_eq!(mp3::repair(&mut Cursor::new(&bytes)).unwrap(), Repair::Whole, "{rate}");
            let cut = &bytes[..bytes.len() / 2];
            let Repair::Mended { length, .. } = mp3::repair(&mut Cursor::new(cut)).unwrap() else { continue };
            let half = read::decode(cut[..length as usize].to_vec(), Some("mp3")).unwrap().duration();
            assert!((500..1_000).contains(&half.as_millis()), "{rate}: {half:?}");
        }
    }

    #[test]
    fn a_library_that_is_not_there_is_named_with_its_package() {
        assert!(Lame::load(c"libmp3lame-that-nobody-has.so.0").is_none());
        // Not a library of this kind.
        assert!(Lame::load(c"libc.so.6").is_none());
        assert!(WriteError::Unsupported(ABSENT).to_string().contains("libmp3lame0"));
    }

    #[test]
    fn what_mp3_has_not_is_refused() {
        for rate in [0, 12_345, 96_000] {
            let made = Mp3Writer::new(Cursor::new(Vec::new()), Layout::mono(Rate(rate)), 16);
            assert!(matches!(made, Err(WriteError::Unsupported(_))), "{rate}");
        }
    }
}
