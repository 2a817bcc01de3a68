//! What a child writes, both streams as one.
//!
//! On Unix both are the same pipe, so that the order is the one in which the child wrote. Elsewhere two pipes are
//! read at once and the order is that of arrival.

use std::io;

use tokio::process::{Child, Command};

const CHUNK: usize = 32 * 1024;

#[cfg(unix)]
mod platform {
    use std::os::fd::OwnedFd;

    use tokio::{io::AsyncReadExt, net::unix::pipe::Receiver};

    use super::*;

    /// The reading end.
    #[derive(Debug)]
    pub(crate) struct OutputPipe {
        pipe: Option<Receiver>,
        buffer: Box<[u8]>,
    }

    impl OutputPipe {
        /// Starts `command` with this pipe as its output.
        pub(crate) fn spawn(mut command: Command) -> io::Result<(Child, Self)> {
            let (reader, writer) = io::pipe()?;
            command.stdout(writer.try_clone()?).stderr(writer);
            let pipe = Receiver::from_owned_fd(OwnedFd::from(reader))?;
            let child = command.spawn()?;
            // `command` is dropped here with its writing ends; otherwise the pipe would never close.
            Ok((child, Self { pipe: Some(pipe), buffer: vec![0; CHUNK].into() }))
        }

        /// Nobody can write any more.
        pub(crate) fn is_closed(&self) -> bool {
            self.pipe.is_none()
        }

        /// The next bytes; `None` once nobody can write any more.
        pub(crate) async fn read(&mut self) -> Option<Vec<u8>> {
            let read = match &mut self.pipe {
                Some(pipe) => pipe.read(&mut self.buffer).await.unwrap_or(0),
                None => 0,
            };
            if read == 0 {
                self.pipe = None;
                return None;
            }
            Some(self.buffer[..read].to_vec())
        }
    }
}

#[cfg(not(unix))]
mod platform {
    use std::process::Stdio;

    use tokio::{
        io::{AsyncRead, AsyncReadExt},
        process::{ChildStderr, ChildStdout},
    };

    use super::*;

    /// The reading ends.
    #[derive(Debug)]
    pub(crate) struct OutputPipe {
        out: Option<ChildStdout>,
        err: Option<ChildStderr>,
        buffers: [Box<[u8]>; 2],
    }

    impl OutputPipe {
        /// Starts `command` with these pipes as its output.
        pub(crate) fn spawn(mut command: Command) -> io::Result<(Child, Self)> {
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
            let (out, err) = (child.stdout.take(), child.stderr.take());
            let buffer = || vec![0; CHUNK].into();
            Ok((child, Self { out, err, buffers: [buffer(), buffer()] }))
        }

        /// Nobody can write any more.
        pub(crate) fn is_closed(&self) -> bool {
            self.out.is_none() && self.err.is_none()
        }

        /// The next bytes; `None` when one of the streams has ended.
        pub(crate) async fn read(&mut self) -> Option<Vec<u8>> {
            let Self { out, err, buffers: [out_buffer, err_buffer] } = self;
            tokio::select! {
                chunk = read_one(out, out_buffer), if out.is_some() => chunk,
                chunk = read_one(err, err_buffer), if err.is_some() => chunk,
                else => None,
            }
        }
    }

    async fn read_one<R: AsyncRead + Unpin>(stream: &mut Option<R>, buffer: &mut [u8]) -> Option<Vec<u8>> {
        let read = stream.as_mut()?.read(buffer).await.unwrap_or(0);
        if read == 0 {
            *stream = None;
            return None;
        }
        Some(buffer[..read].to_vec())
    }
}

pub(super) use platform::OutputPipe;
