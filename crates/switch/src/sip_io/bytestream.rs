//! A byte stream as frames: reads into a [`Framer`], writes messages whole. The same for TCP and TLS.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::ready;

use bytes::Bytes;
use sip::stream::{Frame, Framer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, ReadHalf, WriteHalf};

use super::serve::{ReadError, Sink, Source};

/// Bytes read at once: a message, mostly.
const CHUNK: usize = 4 * 1024;

/// The reading half. A stream that waits holds no buffer.
pub(super) struct Reader<S> {
    stream: ReadHalf<S>,
    framer: Framer,
}

/// The writing half.
pub(super) struct Writer<S>(WriteHalf<S>);

/// Both halves.
pub(super) fn split<S: AsyncRead + AsyncWrite + Send>(stream: S) -> (Reader<S>, Writer<S>) {
    let (read, write) = tokio::io::split(stream);
    (Reader { stream: read, framer: Framer::default() }, Writer(write))
}

impl<S: AsyncRead + Send> Source for Reader<S> {
    /// Bytes that do not complete a frame are no sign of life: a stream cannot be held by a byte now and then.
    async fn frame(&mut self, pong: &AtomicBool) -> Result<Option<Frame>, ReadError> {
        loop {
            if let Some(frame) = self.framer.next_frame()? {
                return Ok(Some(frame));
            }
            let (stream, framer) = (&mut self.stream, &mut self.framer);
            let read = poll_fn(|context| {
                let mut chunk = [0; CHUNK];
                let mut buffer = ReadBuf::new(&mut chunk);
                ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
                framer.push(buffer.filled());
                std::task::Poll::Ready(Ok::<_, std::io::Error>(buffer.filled().len()))
            });
            if read.await? == 0 {
                return Ok(None);
            }
            if pong.swap(false, Ordering::Relaxed) {
                self.framer.expect_pong();
            }
        }
    }
}

impl<S: AsyncWrite + Send> Sink for Writer<S> {
    async fn write(&mut self, message: Bytes) -> Result<(), ReadError> {
        self.0.write_all(&message).await?;
        // TLS keeps what is written until it is told otherwise.
        self.0.flush().await?;
        Ok(())
    }
}
