//! Counters for the operator: their names, their zeros, and the ones that are copied out once a second.
//!
//! Names begin with `offhook_`. Everything is described and published at zero at the start, so that a query never finds
//! nothing where nothing has happened yet.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

use crate::error::Refusal;
use crate::shared::Shared;

/// Between two copies.
const PERIOD: Duration = Duration::from_secs(1);

/// Counters without labels.
const PLAIN: [(&str, &str); 20] = [
    ("offhook_calls_total", "Calls that arrived and were let in, refused ones with a trace included"),
    ("offhook_calls_originated_total", "Calls that were begun here: by flows, by the HTTP API"),
    (
        "offhook_flows_without_call_total",
        "Flows that began without a call: after recordings, by the HTTP API",
    ),
    ("offhook_calls_answered_total", "Calls that were answered"),
    ("offhook_transfers_total", "Transfers that phones asked for and were let"),
    ("offhook_legs_placed_total", "Phones that were called"),
    ("offhook_calls_abandoned_total", "Calls whose parts did not come to an end by themselves; always 0"),
    ("offhook_registrations_total", "Contacts registered or refreshed"),
    ("offhook_prompts_failed_total", "Prompts that could not be read, fetched or spoken"),
    ("offhook_recordings_total", "Recordings completed"),
    ("offhook_recordings_failed_total", "Recordings that broke off"),
    ("offhook_uploads_retried_total", "Tries to send a recording that are to be made again"),
    ("offhook_uploads_failed_total", "Recordings that their server did not take"),
    ("offhook_spool_unwritten_total", "Orders of the spool that found no room on the disk"),
    ("offhook_mailbox_full_total", "Events for a call that found its mailbox full"),
    ("offhook_journals_broken_total", "Journals that broke off because the disk was too slow or full"),
    ("offhook_http_refused_total", "Requests of flows to addresses that are closed to them"),
    (
        "offhook_http_last_good_total",
        "Requests of flows answered by an older answer because their server failed",
    ),
    ("offhook_cdr_retried_total", "Times that call records could not be written and were kept"),
    ("offhook_cdr_dropped_total", "Call records that found no room in memory while the disk took none"),
];

/// Counters with one label, and the values it has.
const LABELLED: [(&str, &str, &str, &[&str]); 6] = [
    (
        "offhook_calls_ended_total",
        "Calls that ended, by who ended them",
        "by",
        &["caller", "callee", "flow", "server"],
    ),
    (
        "offhook_dials_total",
        "Dialling by flows, by outcome",
        "outcome",
        &["answered", "busy", "no_answer", "rejected", "unavailable", "failed", "cancelled"],
    ),
    ("offhook_digits_total", "Keys pressed, by how they came", "way", &["rtp", "sound", "info"]),
    (
        "offhook_http_requests_total",
        "Requests of flows, by outcome",
        "outcome",
        &["ok", "status", "timeout", "failed"],
    ),
    (
        "offhook_sip_dropped_total",
        "SIP messages that were dropped, by reason",
        "why",
        &["shard_behind", "receive_error", "send_buffer_full"],
    ),
    (
        "offhook_sip_refused_total",
        "SIP connections that were refused or cut off, by reason",
        "why",
        &[
            "too_many_connections",
            "too_many_of_a_peer",
            "too_many_handshakes",
            "handshake",
            "silent",
            "slow_reader",
            "garbage",
        ],
    ),
];

const GAUGES: [(&str, &str); 14] = [
    ("offhook_calls", "Living calls"),
    ("offhook_media_legs", "Media legs"),
    ("offhook_conferences", "Conferences with somebody in them"),
    ("offhook_conference_members", "Members of all conferences"),
    ("offhook_conference_talkers", "Members of all conferences who talk"),
    ("offhook_media_uring", "1 if audio packets go by io_uring, 0 if by a system call each"),
    ("offhook_tasks", "Tasks of calls"),
    ("offhook_sip_sessions", "SIP sessions"),
    ("offhook_sip_transactions", "SIP transactions"),
    ("offhook_sip_streams", "SIP connections"),
    ("offhook_registrations", "Registered contacts"),
    ("offhook_prompt_cache_bytes", "Encoded prompts in memory"),
    ("offhook_media_lateness_p50_seconds", "Half of the media slots began no later than this"),
    ("offhook_media_lateness_p99_seconds", "99 of 100 media slots began no later than this"),
];

/// Names all metrics and publishes the counters at zero. Call it once, after a recorder was installed.
pub fn describe_metrics() {
    for (name, text) in PLAIN {
        describe_counter!(name, text);
        counter!(name).increment(0);
    }
    for (name, text, label, values) in LABELLED {
        describe_counter!(name, text);
        for value in values {
            counter!(name, label => *value).increment(0);
        }
    }
    describe_counter!("offhook_calls_refused_total", "Calls refused, by the catalogue's code");
    for refusal in [
        Refusal::UnknownNumber,
        Refusal::BrokenFlow(String::new()),
        Refusal::NoCommonCodec(String::new()),
        Refusal::NoPorts,
        Refusal::MediaBusy,
        Refusal::TrunkFull,
        Refusal::Full,
        Refusal::Draining,
    ] {
        counter!("offhook_calls_refused_total", "code" => refusal.code()).increment(0);
    }
    for (name, text) in GAUGES {
        describe_gauge!(name, text);
        gauge!(name).set(0.0);
    }
    describe_gauge!("offhook_spool", "Recordings that run, or are to be sent");
    gauge!("offhook_spool").set(0.0);
    describe_gauge!("offhook_trunk_up", "Whether a trunk answers");
    describe_gauge!("offhook_trunk_registered", "Whether the switch is registered at a trunk");
    describe_histogram!("offhook_http_seconds", Unit::Seconds, "How long requests of flows took");
    describe_histogram!("offhook_call_seconds", Unit::Seconds, "How long calls lasted");
    for (name, text) in SIP.iter().map(|(name, text, _)| (*name, *text)) {
        describe_counter!(name, text);
        counter!(name).absolute(0);
    }
    for (name, text) in MEDIA.iter().map(|(name, text, _)| (*name, *text)) {
        describe_counter!(name, text);
        counter!(name).absolute(0);
    }
}

type SipCounter = (&'static str, &'static str, fn(&sip::Counters) -> u64);
type MediaCounter = (&'static str, &'static str, fn(&media::WorkerStats) -> u64);

const SIP: [SipCounter; 17] = [
    ("offhook_sip_requests_total", "Well-formed SIP requests", |c| c.requests),
    ("offhook_sip_responses_total", "Well-formed SIP responses", |c| c.responses),
    ("offhook_sip_keepalives_total", "Empty datagrams", |c| c.keepalives),
    ("offhook_sip_garbage_total", "Datagrams that were no SIP message", |c| c.garbage),
    ("offhook_sip_bad_requests_total", "Requests answered 400", |c| c.bad_requests),
    ("offhook_sip_retransmissions_in_total", "Requests that came again", |c| c.retransmissions_in),
    ("offhook_sip_retransmissions_out_total", "Messages sent again", |c| c.retransmissions_out),
    ("offhook_sip_stray_responses_total", "Responses to nothing", |c| c.stray_responses),
    ("offhook_sip_stray_acks_total", "ACKs of nothing", |c| c.stray_acks),
    ("offhook_sip_no_such_call_total", "Requests answered 481", |c| c.no_such_call),
    ("offhook_sip_merged_total", "Requests answered 482", |c| c.merged),
    ("offhook_sip_challenges_total", "Challenges sent", |c| c.challenges),
    ("offhook_sip_stale_total", "Right credentials over an old nonce", |c| c.stale),
    ("offhook_sip_auth_failures_total", "Wrong credentials", |c| c.auth_failures),
    ("offhook_sip_timeouts_total", "Transactions of ours that nobody answered", |c| c.timeouts),
    ("offhook_sip_transport_failures_total", "Transactions that ended with their transport", |c| {
        c.transport_failures
    }),
    ("offhook_sip_refused_draining_total", "Requests refused while going down", |c| c.refused_draining),
];

const MEDIA: [MediaCounter; 15] = [
    (
        "offhook_media_stalls_total",
        "Packets of long sounds that were silent, because reading was behind",
        |stats| stats.stalls,
    ),
    ("offhook_media_moved_total", "Legs that moved to the worker of whom they talk to", |s| s.moved),
    ("offhook_rtp_packets_in_total", "RTP packets accepted", |s| s.packets_in),
    ("offhook_rtp_packets_out_total", "RTP packets sent", |s| s.packets_out),
    ("offhook_rtp_send_failures_total", "RTP packets the system refused to send", |s| s.send_failures),
    ("offhook_rtp_unsealed_total", "RTP packets not sent, for their keys had sealed their number", |s| {
        s.unsealed
    }),
    ("offhook_rtp_starved_total", "Times that a socket waited for a buffer to receive into", |s| s.starved),
    ("offhook_rtp_strangers_total", "Datagrams on RTP ports from strangers", |s| s.strangers),
    ("offhook_rtp_forged_total", "Datagrams on encrypted legs that are forged or repeated", |s| s.forged),
    ("offhook_rtp_unusable_total", "Datagrams on RTP ports that were no RTP of the call", |s| s.unusable),
    ("offhook_rtp_late_total", "RTP packets that came too late to be played", |s| s.late_packets),
    ("offhook_media_slots_total", "Media slots run", |s| s.slots),
    ("offhook_media_late_slots_total", "Media slots that began over a millisecond late", |s| s.late_slots),
    ("offhook_media_overruns_total", "Media slots given up", |s| s.overruns),
    ("offhook_media_events_dropped_total", "Media events that found no room", |s| s.events_dropped),
];

/// Copies levels and the counters of SIP and media out, once a second, for ever.
pub(crate) async fn publish(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let snapshot = shared.shard.snapshot().await;
        for (name, _, read) in SIP {
            counter!(name).absolute(read(&snapshot.counters));
        }
        let media = shared.engine.stats();
        for (name, _, read) in MEDIA {
            counter!(name).absolute(read(&media));
        }
        let (rooms, members, talkers) = shared.conferences.count();
        let levels = [
            ("offhook_conferences", rooms),
            ("offhook_conference_members", members),
            ("offhook_conference_talkers", talkers),
            ("offhook_calls", shared.book.living()),
            ("offhook_media_legs", shared.legs.count()),
            ("offhook_media_uring", usize::from(shared.engine.io() == media::IoMode::Uring)),
            ("offhook_tasks", shared.tasks.count()),
            ("offhook_sip_sessions", snapshot.counts.sessions),
            ("offhook_sip_transactions", snapshot.counts.transactions),
            ("offhook_sip_streams", snapshot.streams),
            ("offhook_registrations", snapshot.counts.bindings),
            ("offhook_prompt_cache_bytes", shared.studio.cached_bytes()),
        ];
        for (name, level) in levels {
            gauge!(name).set(level as f64);
        }
        for (name, share) in
            [("offhook_media_lateness_p50_seconds", 0.5), ("offhook_media_lateness_p99_seconds", 0.99)]
        {
            // Above the highest bucket there is no number; twice its edge says "worse than".
            let us = media.lateness.quantile_us(share).unwrap_or(50_000);
            gauge!(name).set(us as f64 / 1e6);
        }
    }
}
