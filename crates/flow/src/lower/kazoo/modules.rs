//! The table of modules: which name becomes what.

use super::{Step, Walk};
use crate::ir::{NodeId, Op};
use crate::lower::{Code, Dialect, nearest, reference};

/// Modules that run, and choose nothing: they go on at `_`.
const STRAIGHT: [&str; 21] = [
    "answer",
    "audio_macro",
    "callflow",
    "collect_dtmf",
    "flush_dtmf",
    "language",
    "noop",
    "pivot",
    "play",
    "prepend_cid",
    "record_call",
    "record_caller",
    "say",
    "send_dtmf",
    "set",
    "set_cid",
    "set_variable",
    "set_variables",
    "skel",
    "sleep",
    "tts",
];

/// Modules that run, and choose a child or end the call.
const CHOOSING: [&str; 15] = [
    "branch_bnumber",
    "branch_variable",
    "check_cid",
    "cidlistmatch",
    "conference",
    "conference_feature",
    "dead_air",
    "directory",
    "disa",
    "hangup",
    "menu",
    "response",
    "temporal_route",
    "wait_for_hangup",
    "webhook",
];

impl<'a> Walk<'a> {
    /// Lowers the module `name` (lower case), and answers where it begins.
    pub(super) fn module(&mut self, name: &str, step: &Step<'a>) -> NodeId {
        if STRAIGHT.contains(&name) {
            self.only_next(name, step);
        }
        match name {
            "answer" => self.onward(Op::Answer, step),
            "noop" | "skel" | "set" => self.onward(Op::Noop, step),
            "sleep" => self.pause(step),
            "language" => self.language(step),
            "hangup" => self.hangup(step),
            "response" => self.response(step),
            "dead_air" => self.dead_air(step),
            "wait_for_hangup" => self.wait_for_hangup(step),
            "play" => self.play(step),
            "tts" | "say" => self.speak(step),
            "audio_macro" => self.audio_macro(step),
            "collect_dtmf" => self.collect(step),
            "flush_dtmf" => self.flush(step),
            "send_dtmf" => self.send_digits(step),
            "menu" => self.menu(step),
            "record_call" => self.record_call(step),
            "record_caller" => self.record_caller(step),
            "callflow" => self.callflow(step),
            "temporal_route" => self.temporal_route(step),
            "branch_variable" => self.branch_variable(step),
            "branch_bnumber" => self.branch_bnumber(step),
            "check_cid" => self.check_cid(step),
            "cidlistmatch" => self.cid_list_match(step),
            "set_variable" => self.set_variable(step),
            "set_variables" => self.set_variables(step),
            "set_cid" => self.set_cid(step),
            "prepend_cid" => self.prepend_cid(step),
            "pivot" => self.pivot(step),
            "webhook" => self.webhook(step),
            "disa" => self.disa(step),
            "directory" => self.directory(step),
            "conference" => self.conference(false, step),
            "conference_feature" => self.conference(true, step),
            _ => match self.people(name, step) {
                Some(node) => node,
                None => self.unknown(name, step),
            },
        }
    }

    /// A module that Kazoo does not have either: it is passed over, as Kazoo does.
    fn unknown(&mut self, name: &str, step: &Step<'a>) -> NodeId {
        let rows = reference::modules().filter(|row| row.dialect == Dialect::Kazoo).map(|row| row.name);
        let names = STRAIGHT.into_iter().chain(CHOOSING).chain(rows);
        let meant = nearest(name, names).map(|name| format!(": did you mean `{name}`?")).unwrap_or_default();
        let message = format!("unknown module `{name}`, skipped to the child `_`{meant}");
        self.report(Code::UnknownModule, &step.at.child("module"), message);
        let edges = step.children.edges();
        self.add(Op::Residual(name.to_owned()), edges, step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_is_known_in_one_way_only() {
        let mut names: Vec<&str> = STRAIGHT.into_iter().chain(CHOOSING).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        for name in STRAIGHT.into_iter().chain(CHOOSING) {
            let document = serde_json::json!({"module": name, "data": {}});
            let lowered = crate::lower::kazoo::lower(&document).expect("an object");
            assert_eq!(lowered.program.residual_count(), 0, "{name}");
        }
    }
}
