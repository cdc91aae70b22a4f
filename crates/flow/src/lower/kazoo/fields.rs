//! Which fields the running modules have, to recognise a slip of the pen.
//!
//! Documents carry fields that no schema knows (editors' notes, older versions), so an unknown field is told only if it
//! looks like a known one.

use super::{Step, Walk};
use crate::lower::{Dialect, nearest, reference};

/// The fields of `data` by module; `skip_module` is everywhere.
const FIELDS: &[(&str, &[&str])] = &[
    ("audio_macro", &["language", "macros", "terminators", "endless_playback"]),
    ("branch_bnumber", &["hunt", "hunt_allow", "hunt_deny"]),
    ("branch_variable", &["scope", "variable"]),
    ("callflow", &["id"]),
    ("check_cid", &["caller_id", "regex", "use_absolute_mode", "user_id"]),
    ("cidlistmatch", &["id"]),
    (
        "collect_dtmf",
        &["collection_name", "interdigit_timeout", "max_digits", "terminator", "terminators", "timeout"],
    ),
    ("conference", &["config", "id", "moderator", "play_entry_tone", "play_exit_tone", "welcome_prompt"]),
    ("flush_dtmf", &["collection_name"]),
    ("language", &["language"]),
    (
        "menu",
        &[
            "hunt",
            "hunt_allow",
            "hunt_deny",
            "id",
            "interdigit_timeout",
            "max_extension_length",
            "media",
            "name",
            "retries",
            "suppress_media",
            "timeout",
        ],
    ),
    (
        "pivot",
        &["cdr_url", "debug", "method", "req_body_format", "req_format", "req_timeout_ms", "voice_url"],
    ),
    ("play", &["answer", "endless_playback", "id", "loop_count", "terminators"]),
    ("prepend_cid", &["action", "apply_to", "caller_id_name_prefix", "caller_id_number_prefix"]),
    (
        "record_call",
        &[
            "action",
            "format",
            "label",
            "media_name",
            "method",
            "origin",
            "record_min_sec",
            "record_on_answer",
            "record_on_bridge",
            "record_sample_rate",
            "should_follow_transfer",
            "time_limit",
            "url",
        ],
    ),
    ("record_caller", &["format", "media_name", "method", "time_limit", "url"]),
    ("response", &["code", "media", "message"]),
    ("say", &["endless_playback", "gender", "language", "method", "terminators", "text", "type", "voice"]),
    ("send_dtmf", &["digits", "duration_ms"]),
    ("set_cid", &["caller_id_name", "caller_id_number"]),
    ("set_variable", &["channel", "value", "variable"]),
    ("set_variables", &["custom_application_vars", "export"]),
    ("sleep", &["duration", "unit"]),
    ("temporal_route", &["action", "interdigit_timeout", "rule_set", "rules", "timezone"]),
    ("tts", &["endless_playback", "engine", "language", "terminators", "text", "voice"]),
    ("webhook", &["custom_data", "http_verb", "retries", "uri"]),
];

impl Walk<'_> {
    /// Tells of a field that is probably another one, misspelt.
    pub(super) fn misspelt(&mut self, name: &str, step: &Step<'_>) {
        if reference::module(Dialect::Kazoo, name).is_some() {
            return;
        }
        let Some((_, fields)) = FIELDS.iter().find(|(module, _)| *module == name) else { return };
        let unknown = |key: &&str| !fields.contains(key) && *key != "skip_module";
        let keys: Vec<&str> = step.data.keys().filter(unknown).collect();
        for key in keys {
            let absent = fields.iter().copied().filter(|field| step.data.get(field).is_none());
            if let Some(meant) = nearest(key, absent) {
                self.warn(&step.data.at(key), format!("`{name}` has no `{key}`; did you mean `{meant}`?"));
            }
        }
    }
}
