//! Records to standard output, on a thread of its own.
//!
//! The thread takes what waits in the queue, writes it in one piece and waits for more. A client that does not
//! read stops only this thread; the queue bounds what waits (see [`pi_core::bus`]).

use std::{
    io::{self, IoSlice, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use pi_core::{Delivery, EventQueue};
use pi_protocol::OutputMode;
use tokio::{runtime::Handle, sync::watch};

use super::record::{Recorder, Sink};
use crate::trace::{Tee, Trace};

/// Bytes gathered before they are written.
const BATCH: usize = 64 << 10;
/// Records up to this size are gathered; larger ones are written from where they are.
const SMALL: usize = 8 << 10;
/// Pause before writing again to a full non-blocking pipe.
const RETRY: Duration = Duration::from_millis(10);

/// The connection's output mode, read by the writer for each event.
#[derive(Debug, Clone)]
pub(super) struct SharedMode(Arc<AtomicBool>);

impl SharedMode {
    pub(super) fn new(mode: OutputMode) -> Self {
        Self(Arc::new(AtomicBool::new(mode == OutputMode::Full)))
    }

    pub(super) fn set(&self, mode: OutputMode) {
        self.0.store(mode == OutputMode::Full, Ordering::Relaxed);
    }

    fn get(&self) -> OutputMode {
        if self.0.load(Ordering::Relaxed) { OutputMode::Full } else { OutputMode::Compact }
    }
}

/// The writing thread.
pub(super) struct Writer {
    ended: watch::Receiver<bool>,
}

impl Writer {
    /// Resolves once nothing more can be written.
    pub(super) async fn ended(&mut self) {
        // An error means that the thread is gone, which is the same.
        let _gone = self.ended.wait_for(|it| *it).await;
    }

    /// Waits until everything is written, but no longer than `limit`.
    pub(super) async fn finished(&mut self, limit: Duration) {
        if tokio::time::timeout(limit, self.ended()).await.is_err() {
            tracing::warn!("the client did not take the last records");
        }
    }
}

/// Starts writing what comes out of `queue`.
pub(super) fn spawn(
    queue: EventQueue,
    mode: SharedMode,
    trace: Option<Trace>,
    mut output: impl Write + Send + 'static,
) -> io::Result<Writer> {
    let (tx, ended) = watch::channel(false);
    let runtime = Handle::current();
    std::thread::Builder::new().name("stdout".to_owned()).spawn(move || {
        let outcome = match trace {
            None => write_all(&runtime, &queue, &mode, &mut output),
            Some(trace) => write_all(&runtime, &queue, &mode, &mut Tee::new(output, trace)),
        };
        match outcome {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                tracing::warn!(%error, "standard output failed");
            }
            _ if queue.overflowed() => tracing::warn!("the client fell too far behind and was given up"),
            _ => {}
        }
        queue.close();
        tx.send_replace(true);
    })?;
    Ok(Writer { ended })
}

fn write_all(
    runtime: &Handle,
    queue: &EventQueue,
    mode: &SharedMode,
    output: &mut impl Write,
) -> io::Result<()> {
    let mut recorder = Recorder::default();
    let mut batch = Batch { waiting: Vec::with_capacity(BATCH), output };
    while let Some(first) = runtime.block_on(queue.next()) {
        let mut next = Some(first);
        while let Some(delivery) = next {
            match delivery {
                Delivery::Event(it) => recorder.record(&it.event, mode.get(), &mut batch)?,
                Delivery::Raw(bytes) => batch.slices(&mut [IoSlice::new(&bytes)])?,
                // Pi's clients compute it from the events.
                Delivery::Activity(_) => {}
            }
            next = queue.try_next();
        }
        batch.flush()?;
    }
    Ok(())
}

/// Gathers small records, passes large ones on as they are.
struct Batch<'a, W: Write> {
    waiting: Vec<u8>,
    output: &'a mut W,
}

impl<W: Write> Batch<'_, W> {
    fn flush(&mut self) -> io::Result<()> {
        write_retrying(self.output, &mut [IoSlice::new(&self.waiting)])?;
        self.waiting.clear();
        self.waiting.shrink_to(BATCH);
        Ok(())
    }
}

impl<W: Write> Sink for Batch<'_, W> {
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    fn slices(&mut self, slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        let size: usize = slices.iter().map(|it| it.len()).sum();
        if size <= SMALL {
            return slices.iter().try_for_each(|it| self.bytes(it));
        }
        if !self.waiting.is_empty() {
            self.flush()?;
        }
        write_retrying(self.output, slices)
    }
}

/// Writes all of `slices`, also to a pipe that the client made non-blocking.
fn write_retrying(output: &mut impl Write, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        match output.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) => wait_or_fail(error)?,
        }
    }
    Ok(())
}

fn wait_or_fail(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::Interrupted => Ok(()),
        io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory => {
            std::thread::sleep(RETRY);
            Ok(())
        }
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes three bytes at a time and is full every other time.
    struct Reluctant(Vec<u8>, bool);

    impl Write for Reluctant {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let taken = bytes.len().min(3);
            self.0.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_pipe_is_tried_again_until_everything_is_written() {
        let mut output = Reluctant(Vec::new(), false);
        let mut slices = [b"0123".as_slice(), b"", b"456789"].map(IoSlice::new);
        write_retrying(&mut output, &mut slices).unwrap();
        assert_eq!(output.0, b"0123456789");
    }
}
