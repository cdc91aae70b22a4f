//! Keys that a desk phone presses and hears: telephone-events, INFO, tones in the sound.

use audio::detect::{Dtmf, Press};

use super::{Desk, LineId};

impl Desk {
    /// Describes no telephone-events on lines to come: its keys come by INFO or in the sound.
    pub fn describe_no_key_events(&self) {
        self.set().key_events = false;
    }

    /// Presses keys, as telephone-events whatever was described.
    pub fn press(&self, line: LineId, keys: &str) {
        self.on(line, |line, _| line.stream.press(keys));
    }

    /// Presses a key by INFO.
    pub fn press_by_info(&self, line: LineId, key: char) {
        self.on(line, |line, set| line.press_by_info(set, key));
    }

    /// Answers INFOs with this status from here on; 0 for no answer.
    pub fn answer_info(&self, status: u16) {
        self.set().info_status = status;
    }

    /// The keys that came by INFO on a line, whatever they were answered.
    pub fn keys_by_info(&self, line: LineId) -> String {
        self.line(line, |line| line.infos.iter().filter_map(|info| key_of(&info.body)).collect())
    }

    /// The keys that came as telephone-events on a line.
    pub fn keys_by_events(&self, line: LineId) -> String {
        self.line(line, |line| line.stream.heard.keys.clone())
    }

    /// The keys that are heard in all that was heard on a line so far.
    pub fn keys_in_sound(&self, line: LineId) -> String {
        let heard = self.line(line, |line| line.stream.heard.pcm());
        let (mut detector, mut keys) = (Dtmf::new(heard.rate), String::new());
        detector.push(&heard.samples, |press| {
            if let Press::Down(key) = press {
                keys.push(key);
            }
        });
        keys
    }
}

/// The key in an INFO's body.
fn key_of(body: &str) -> Option<char> {
    body.lines().find_map(|line| line.strip_prefix("Signal="))?.chars().next()
}
