//! Turning files into sound.
pub const LONGEST: std::time::Duration = std::time::Duration::from_secs(3600);
