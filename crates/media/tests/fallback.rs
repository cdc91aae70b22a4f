//! Where the system forbids io_uring, as containers do, the other backend carries the calls and the log says why.

use std::io::Write;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use audio::codec::Codec;
use media::{Config, Engine, IoMode, LegSetup};

/// Have the kernel refuse io_uring to this thread and those that it starts.
fn forbid_io_uring(error: i32) {
    let step = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut steps = [
        // The number of the system call is the first word.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, libc::SYS_io_uring_setup as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | error as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    // SAFETY: plain numbers, and a program that lives longer than the call.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program), 0);
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Start an engine where io_uring is refused with `error`; what the log says of it.
fn started(mode: IoMode, error: i32, first: u16) -> String {
    let run = move || {
        forbid_io_uring(error);
        let log = Log::default();
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
        let config = Config {
            workers: 2,
            ports: first..=first + 9,
            bind: Ipv4Addr::LOCALHOST.into(),
            io: mode,
            ..Config::default()
        };
        let engine = tracing::subscriber::with_default(subscriber, || Engine::start(config, |_| {})).unwrap();
        assert_eq!(engine.io(), IoMode::Poll);
        let phone = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        phone.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let setup = LegSetup::new(Codec::Pcmu, 0, phone.local_addr().unwrap());
        engine.adopt(engine.reserve().unwrap(), setup).unwrap();
        assert_eq!(phone.recv(&mut [0; 512]).unwrap(), 172, "the call goes on");
        engine.stop();
        let log = log.0.lock().unwrap().clone();
        String::from_utf8(log).unwrap()
    };
    // The refusal lasts as long as the thread.
    thread::spawn(run).join().unwrap()
}

#[test]
fn a_system_that_refuses_io_uring_is_told_of_in_a_line_and_the_call_goes_on() {
    let log = started(IoMode::Auto, libc::EPERM, 20_560);
    let line = log.lines().find(|line| line.contains("packets go by")).unwrap();
    assert!(
        line.contains("INFO") && line.contains("a system call each: the system forbids io_uring"),
        "{line}"
    );
    assert_eq!(log.lines().filter(|line| line.contains("io_uring")).count(), 1, "{log}");
}

#[test]
fn one_who_asked_for_io_uring_is_warned() {
    for (error, why) in
        [(libc::ENOSYS, "no io_uring"), (libc::ENOMEM, "ulimit -l"), (libc::EINVAL, "too old")]
    {
        let log = started(IoMode::Uring, error, 20_580);
        let line = log.lines().find(|line| line.contains("packets go by")).unwrap();
        assert!(line.contains("WARN") && line.contains(why), "{line}");
    }
}
