//! Answers the requests of the broker, which starts it with its end of a socket as standard input. It trusts
//! neither the requests nor what comes with them.

use std::fs::File;
use std::io::{self, Read, Write, stdin};

use ancillary::{Access, FdExt, FdKinds, Fds, Seals, SocketExt};

fn main() -> io::Result<()> {
    let sock = stdin();
    let mut request = [0; 64];
    loop {
        // No request has more than two; whatever else comes is closed.
        let (n, fds) = sock.recv_fds::<2>(&mut request)?;
        if n == 0 {
            return Ok(());
        }
        let answer = match &request[..n] {
            b"measure" => measure(fds),
            b"shout" => shout(fds),
            _ => Err(io::ErrorKind::Unsupported.into()),
        };
        let answer = answer.unwrap_or_else(|error| format!("refused: {error}"));
        sock.send_fds_all(answer.as_bytes(), &[])?;
    }
}

fn measure(fds: Fds<2>) -> io::Result<String> {
    let Some(fd) = fds.into_iter().next() else { return Err(ancillary::Error::MissingFds.into()) };
    Ok(fd.describe()?.size.to_string())
}

fn shout(fds: Fds<2>) -> io::Result<String> {
    let [input, output] = Fds::into_array(fds).map_err(|_| ancillary::Error::MissingFds)?;
    // A file of the peer's choice might never end, or wait forever.
    input.require(FdKinds::PIPE | FdKinds::SOCKET, Access::READ, Seals::empty())?;
    output.require(FdKinds::PIPE | FdKinds::SOCKET, Access::WRITE, Seals::empty())?;
    let mut text = String::new();
    File::from(input).take(1 << 16).read_to_string(&mut text)?;
    File::from(output).write_all(text.to_uppercase().as_bytes())?;
    Ok("done".to_owned())
}
