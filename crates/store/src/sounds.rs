//! Where a sound that a flow names is found.
//!
//! Names come from flow documents, some of them fetched from elsewhere, so a name never leads out of the directory.
//! Nothing is decoded here.

use std::io;
use std::path::{Component, Path, PathBuf};

use include_dir::{Dir, include_dir};

use crate::SoundError;

/// Extensions that are tried for a name without one, in this order.
const EXTENSIONS: [&str; 6] = ["wav", "flac", "ogg", "opus", "mp3", "m4a"];

/// The repository's own music and prompts, `media/README.md`.
static MUSIC: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../media/moh");
static PROMPTS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../media/prompts/en-us");

/// A place with sounds.
#[derive(Clone, Debug)]
enum Root {
    Directory(PathBuf),
    Embedded(&'static Dir<'static>),
}

/// Places with sounds, tried in order.
#[derive(Clone, Debug, Default)]
pub struct Sounds(Vec<Root>);

/// A sound that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sound {
    /// A file of a sounds directory.
    File(PathBuf),
    /// A sound in the binary.
    Embedded {
        /// Its path in the embedded directory.
        name: String,
        /// The file's bytes.
        bytes: &'static [u8],
    },
}

impl Sound {
    /// The file's extension, as a hint to a decoder.
    pub fn extension(&self) -> Option<&str> {
        let path = match self {
            Sound::File(path) => path.as_path(),
            Sound::Embedded { name, .. } => Path::new(name),
        };
        path.extension().and_then(|extension| extension.to_str())
    }

    /// A text that is the same for the same sound, for a cache.
    pub fn key(&self) -> String {
        match self {
            Sound::File(path) => path.display().to_string(),
            // Two embedded directories may have the same name; their bytes stand in different places.
            Sound::Embedded { name, bytes } => format!("embedded:{name}@{:p}", bytes.as_ptr()),
        }
    }

    /// The whole file. Blocks.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        match self {
            Sound::File(path) => std::fs::read(path),
            Sound::Embedded { bytes, .. } => Ok(bytes.to_vec()),
        }
    }
}

impl Sounds {
    /// No sounds.
    pub fn new() -> Sounds {
        Sounds::default()
    }

    /// The music and the prompts in the binary: `demo-60s`, `welcome`, `goodbye` and so on.
    pub fn built_in() -> Sounds {
        Sounds::new().then_embedded(&MUSIC).then_embedded(&PROMPTS)
    }

    /// The same places, then this directory. It need not exist yet.
    #[must_use]
    pub fn then(mut self, directory: impl Into<PathBuf>) -> Sounds {
        self.0.push(Root::Directory(directory.into()));
        self
    }

    /// The same places, then this part of the binary.
    #[must_use]
    pub(crate) fn then_embedded(mut self, directory: &'static Dir<'static>) -> Sounds {
        self.0.push(Root::Embedded(directory));
        self
    }

    /// The sound of this name: a relative path, with its extension or without.
    pub fn resolve(&self, name: &str) -> Result<Sound, SoundError> {
        let outside = || SoundError::Outside(name.to_owned());
        let relative = contained(name).ok_or_else(outside)?;
        for root in &self.0 {
            for candidate in candidates(&relative) {
                match root {
                    Root::Directory(directory) => match in_directory(directory, &candidate) {
                        Found::File(path) => return Ok(Sound::File(path)),
                        Found::Outside => return Err(outside()),
                        Found::Nothing => {}
                    },
                    Root::Embedded(directory) => {
                        if let Some(file) = directory.get_file(directory.path().join(&candidate)) {
                            let name = candidate.display().to_string();
                            return Ok(Sound::Embedded { name, bytes: file.contents() });
                        }
                    }
                }
            }
        }
        Err(SoundError::Missing(name.to_owned()))
    }

    /// The names of all sounds in the directory of this name, in their alphabet's order; none if there is no such
    /// directory. Directories in it do not count. Blocks.
    pub fn within(&self, name: &str) -> Vec<String> {
        let Some(relative) = contained(name) else { return Vec::new() };
        let mut names = Vec::new();
        for root in &self.0 {
            let Root::Directory(root) = root else { continue };
            let Ok(files) = std::fs::read_dir(root.join(&relative)) else { continue };
            let sounds = files.flatten().map(|file| relative.join(file.file_name())).filter(|path| {
                path.extension()
                    .and_then(|extension| extension.to_str())
                    .is_some_and(|extension| EXTENSIONS.contains(&extension))
            });
            names.extend(sounds.filter_map(|path| path.to_str().map(str::to_owned)));
        }
        names.sort();
        names
    }
}

enum Found {
    File(PathBuf),
    Outside,
    Nothing,
}

/// A file of `directory`, its links followed but only inside.
fn in_directory(directory: &Path, candidate: &Path) -> Found {
    let (Ok(root), Ok(path)) = (directory.canonicalize(), directory.join(candidate).canonicalize()) else {
        return Found::Nothing;
    };
    match (path.starts_with(&root), path.is_file()) {
        (false, _) => Found::Outside,
        (true, true) => Found::File(path),
        (true, false) => Found::Nothing,
    }
}

/// The name as a path that goes only downwards.
fn contained(name: &str) -> Option<PathBuf> {
    let odd = |byte: u8| byte == 0 || byte == b'\\' || byte.is_ascii_control();
    if name.is_empty() || name.bytes().any(odd) {
        return None;
    }
    let path = Path::new(name);
    let down = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let clean: PathBuf = path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    (down && !clean.as_os_str().is_empty()).then_some(clean)
}

fn candidates(relative: &Path) -> impl Iterator<Item = PathBuf> {
    let with = |extension: &&str| {
        let mut name = relative.as_os_str().to_owned();
        name.push(".");
        name.push(extension);
        PathBuf::from(name)
    };
    let extended: Vec<PathBuf> = EXTENSIONS.iter().map(with).collect();
    std::iter::once(relative.to_owned()).chain(extended)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_name_is_found_with_and_without_its_extension_and_never_outside() {
        let home = tempfile::tempdir().expect("a directory");
        let sounds = home.path().join("sounds");
        fs::create_dir_all(sounds.join("menu")).expect("a directory");
        fs::write(sounds.join("menu/main.wav"), b"x").expect("a file");
        fs::write(home.path().join("secret.wav"), b"x").expect("a file");
        #[cfg(unix)]
        std::os::unix::fs::symlink(home.path().join("secret.wav"), sounds.join("link.wav")).expect("a link");
        let sounds = Sounds::new().then(&sounds);
        for name in ["menu/main", "menu/main.wav", "./menu/main"] {
            let found = sounds.resolve(name).expect("the sound");
            assert_eq!((found.extension(), found.read().expect("bytes")), (Some("wav"), b"x".to_vec()));
        }
        let outside =
            ["../secret.wav", "menu/../../secret", "/etc/passwd", "", ".", "a\\..\\b", "a\0b", "link.wav"];
        for name in outside {
            assert_eq!(sounds.resolve(name), Err(SoundError::Outside(name.into())), "{name}");
        }
        for name in ["menu", "other", "menu/main.wav.wav"] {
            assert_eq!(sounds.resolve(name), Err(SoundError::Missing(name.into())), "{name}");
        }
    }

    #[test]
    fn a_directory_is_a_list_of_its_sounds() {
        let home = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(home.path().join("jazz/old")).expect("a directory");
        for name in ["jazz/two.ogg", "jazz/one.wav", "jazz/README.txt", "other.wav"] {
            fs::write(home.path().join(name), b"x").expect("a file");
        }
        let sounds = Sounds::new().then(home.path());
        assert_eq!(sounds.within("jazz"), ["jazz/one.wav", "jazz/two.ogg"]);
        for name in ["jazz/old", "other", "none", "..", "/"] {
            assert!(sounds.within(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn the_sounds_in_the_binary_are_found_by_name() {
        for (name, extension) in [("demo-60s", "ogg"), ("welcome", "wav"), ("press-a-key.wav", "wav")] {
            let found = Sounds::built_in().resolve(name).expect("the sound");
            assert_eq!(found.extension(), Some(extension), "{name}");
            assert!(found.read().expect("bytes").len() > 10_000, "{name}");
        }
    }
}
