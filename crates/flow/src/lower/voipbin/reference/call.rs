//! Rows of actions that are heard, recorded or answered with keys.

use super::row;
use crate::lower::reference::{Kind, Module, Opt, Origin};
use crate::lower::timings;

const LANGUAGE: Opt = Opt::new("language", Kind::Template, "The language, `en-US`.");
const GENDER: Opt = Opt::new("gender", Kind::OneOf(&["male", "female", "neutral"]), "The voice's gender.");
const ON_END: Opt = Opt::new("on_end_flow_id", Kind::Id, "A flow that runs without a call when it is over.");
const ECHOED: Opt = Opt::new("duration", Kind::Millis, "How long.").default("180000");

pub(super) const ROWS: &[Module] = &[
    row("answer", &["Answer"], "Answers the call.").answers(),
    row("amd", &["Detect", "DetectBehind"], "Finds out whether a person or a machine answered.")
        .options(&[
            Opt::new(
                "machine_handle",
                Kind::OneOf(&["hangup", "continue", "delay"]),
                "What becomes of a machine: the call ends, goes on, or goes on after its greeting.",
            )
            .default("continue"),
            Opt::new("async", Kind::Flag, "The next action does not wait for it.").default("false"),
            Opt::new("sync", Kind::Flag, "The opposite of `async`, as the documentation's example has it."),
            timings::TOTAL,
            timings::INITIAL_SILENCE,
            timings::GREETING,
            timings::AFTER_GREETING,
            timings::MIN_WORD,
            timings::BETWEEN_WORDS,
            timings::MAX_WORDS,
            timings::MAX_WORD,
            timings::BEEP,
            timings::GREETING_END,
        ])
        .edges(&[super::NEXT, ("hang up", "A machine answered, and `machine_handle` is `hangup`.")]),
    row("beep", &["Play"], "Plays a tone."),
    row("play", &["Play"], "Plays sounds in order; keys do not stop it. It does not answer the call.").options(&[
        Opt::new("stream_urls", Kind::Items, "The sounds' URLs.").required(),
        Opt::new("stream_url", Kind::Items, "The old name of `stream_urls`."),
    ]),
    row("talk", &["Play", "PlayBehind"], "Speaks a text, plain or SSML; answers the call.").answers().options(&[
        Opt::new("text", Kind::Template, "What is said.").required(),
        LANGUAGE,
        GENDER,
        Opt::new("provider", Kind::Text, "Whose voice it is; the configured one speaks."),
        Opt::new("voice_id", Kind::Template, "A voice by its name; goes before `gender`."),
        Opt::new(
            "digits_handle",
            Kind::OneOf(&["none", "next"]),
            "`next`: any key stops the text, and stays in `voipbin.call.digits`.",
        ),
        Opt::new("async", Kind::Flag, "The next action does not wait for the end.").default("false"),
    ]),
    row(
        "digits_receive",
        &["Collect"],
        "Gathers keys into `voipbin.call.digits`, the ending one included. The last key pressed before counts.",
    )
    .options(&[
        Opt::new("duration", Kind::Millis, "Time in all, counted from the start of the action.").default("0"),
        Opt::new("length", Kind::Count, "Most keys; 0 for no limit, which is also the default with a `key`.")
            .default("1"),
        Opt::new("key", Kind::Keys, "Keys each of which ends it."),
    ]),
    row("digits_send", &["SendDigits"], "Sends keys to the far end.").options(&[
        Opt::new("digits", Kind::Keys, "Up to 100 of 0-9, A-D, * and #.").required(),
        Opt::new("duration", Kind::Millis, "Each key, 100 to 1000.").default("500"),
        Opt::new("interval", Kind::Millis, "Between keys, 0 to 5000.").default("500"),
    ]),
    row("sleep", &["Sleep"], "Waits.")
        .options(&[Opt::new("duration", Kind::Millis, "How long.").required()]),
    row("echo", &["Echo"], "Sends back what is heard.").options(&[ECHOED]),
    row("stream_echo", &["Echo"], "Sends back what is heard, keys included.").options(&[ECHOED]),
    row("mute", &["Mute"], "The caller is not heard any more.").origin(Origin::Upstream),
    row("recording_start", &["RecordStart", "AfterRecording"], "Records both parties in the background.").options(&[
        Opt::new("format", Kind::OneOf(&["wav", "mp3", "ogg"]), "The form of the file.").default("wav"),
        Opt::new("end_of_silence", Kind::Seconds, "Ends after so much silence; 0 for never.").default("0"),
        Opt::new("end_of_key", Kind::Keys, "`none`, `any`, or keys that end it.").default("none"),
        Opt::new("duration", Kind::Seconds, "The longest recording; 0 for no limit.").default("0"),
        Opt::new("beep_start", Kind::Flag, "A beep first.").default("false"),
        ON_END,
    ]),
    row("recording_stop", &["RecordStop"], "Stops the recording."),
    row("transcribe_start", &["Set", "Transcribe"], "Writes down what is said from here on.").options(&[
        LANGUAGE,
        Opt::new("provider", Kind::Template, "Who writes it down."),
        Opt::new("direction", Kind::OneOf(&["in", "out", "both"]), "Whose words.").default("both"),
        ON_END,
    ]),
    row("transcribe_stop", &["Transcribe"], "Writes down no more."),
    row("transcribe_recording", &["Transcribe"], "Writes down what was recorded of this call.")
        .options(&[LANGUAGE, ON_END]),
    row("external_media_start", &["Stream"], "Sends the call's audio to another machine as it comes.").options(&[
        Opt::new("external_host", Kind::Template, "`host:port`, or a URL.").required(),
        Opt::new("type", Kind::Template, "`normal` or `websocket`.").default("normal"),
        Opt::new("encapsulation", Kind::Template, "How the audio is packed.").default("rtp"),
        Opt::new("transport", Kind::Template, "By which protocol it travels.").default("udp"),
        Opt::new("connection_type", Kind::Template, "Who connects to whom.").default("client"),
        Opt::new("format", Kind::Template, "The codec.").default("ulaw"),
        Opt::new("direction", Kind::OneOf(&["in", "out", "both"]), "Both of the next two.").default("both"),
        Opt::new("direction_listen", Kind::OneOf(&["in", "out", "both"]), "What the machine hears."),
        Opt::new("direction_speak", Kind::OneOf(&["in", "out", "both"]), "Who hears the machine."),
        Opt::new("transport_data", Kind::Template, "More for the transport."),
        Opt::new("data", Kind::Template, "More for the machine."),
    ]),
    row("external_media_stop", &["Stream"], "Sends no more audio to the other machine."),
    row("chatbot_talk", &["Converse"], "Talks to a machine; the old form of `ai_talk`.").options(&[
        Opt::new("chatbot_id", Kind::Id, "The machine.").required(),
        GENDER,
        LANGUAGE,
        Opt::new("duration", Kind::Seconds, "The longest talk; 0 for no limit.").default("0"),
    ]),
    row("ai_talk", &["Converse"], "Talks to an assistant, or to a team of them.").origin(Origin::Upstream).options(&[
        Opt::new("assistance_type", Kind::OneOf(&["ai", "team", "ai_team"]), "One or a team.").default("ai"),
        Opt::new("assistance_id", Kind::Id, "Which.").required(),
        Opt::new("ai_id", Kind::Id, "The old name of `assistance_id`."),
        Opt::new("resume", Kind::Flag, "Goes on with the talk before.").default("false"),
        GENDER,
        LANGUAGE,
        Opt::new("duration", Kind::Seconds, "The longest talk; 0 for no limit.").default("0"),
    ]),
];
