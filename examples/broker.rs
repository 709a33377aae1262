//! Starts the worker and hands it descriptors, each with a request.
//!
//!     cargo build --examples && cargo run --example broker
//!
//! The broker may open things that the worker may not: that is what passing descriptors is for.

use std::env;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use ancillary::SocketExt;

fn main() -> io::Result<()> {
    let (ours, theirs) = UnixStream::pair()?;
    let worker = env::current_exe()?.with_file_name("worker");
    // Its standard input is its end of the socket; everything else is close-on-exec.
    let mut worker = Command::new(worker).stdin(Stdio::from(OwnedFd::from(theirs))).spawn()?;

    // A file whose name the worker never hears of.
    println!("broker: {} bytes", ask(&ours, b"measure", &[File::open(file!()).or(File::open("/dev/null"))?.as_fd()])?);

    // Two at once: what is read from one, written to the other in capitals.
    let ((input, mut from_us), (mut to_us, output)) = (UnixStream::pair()?, UnixStream::pair()?);
    from_us.write_all(b"handed over")?;
    drop(from_us);
    println!("broker: {}", ask(&ours, b"shout", &[input.as_fd(), output.as_fd()])?);
    drop(output);
    let mut shouted = String::new();
    to_us.read_to_string(&mut shouted)?;
    println!("broker: the worker says {shouted}");
    assert_eq!(shouted, "HANDED OVER");

    // What is not as required is refused, and the conversation goes on.
    let null = File::open("/dev/null")?;
    println!("broker: {}", ask(&ours, b"shout", &[null.as_fd(), null.as_fd()])?);
    println!("broker: {}", ask(&ours, b"measure", &[])?);

    drop(ours);
    assert!(worker.wait()?.success());
    Ok(())
}

/// Sends a request with descriptors. The answer is text.
fn ask(sock: &UnixStream, request: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<String> {
    sock.send_fds_all(request, fds)?;
    let mut answer = [0; 256];
    let (n, _) = sock.recv_fds::<0>(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer[..n]).into_owned())
}
