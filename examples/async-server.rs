//! A server of channels on tokio, and some clients of it: each sends files, and gets a socket for each, from
//! which the file's text comes in capitals.
//!
//!     cargo run --example async-server --features tokio

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Pipe;

use ancillary::{Access, FdExt, FdKinds, Rx, Seals, Tx};
use tokio::net::{UnixListener, UnixStream};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let path = std::env::temp_dir().join(format!("async-server-{}", std::process::id()));
    let listener = UnixListener::bind(&path)?;
    let server = tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Err(error) = serve(client).await {
                    eprintln!("server: a client: {error}");
                }
            });
        }
    });
    let clients: Vec<_> = (0..3).map(|which| tokio::spawn(client(UnixStream::connect(path.clone()), which))).collect();
    for client in clients {
        client.await??;
    }
    server.abort();
    std::fs::remove_file(path)
}

/// Serves one client, in the order of its requests. Each of the two sides of the channel uses the socket.
async fn serve(client: UnixStream) -> io::Result<()> {
    let mut rx = Rx::new(&client)?;
    let mut tx: Tx<_, Vec<u8>, 1> = Tx::new(&client, 16)?;
    while let Some(frame) = rx.recv_async().await? {
        let name = frame.bytes.to_vec();
        let [file] = frame.fds.take_exact()?;
        match capitals(file) {
            Ok(text) => tx.queue(name, [text])?,
            Err(error) => tx.queue(error.to_string().into_bytes(), [])?,
        }
        tx.flush_async().await?;
    }
    Ok(())
}

/// A socket from which the file's text comes, as much of it as one holds.
fn capitals(file: OwnedFd) -> io::Result<OwnedFd> {
    file.require(FdKinds::FILE | FdKinds::MEMORY, Access::READ, Seals::empty())?;
    let mut text = String::new();
    File::from(file).take(4096).read_to_string(&mut text)?;
    let (reader, mut writer) = Pipe::pair()?;
    writer.write_all(text.to_uppercase().as_bytes())?;
    Ok(reader.into())
}

async fn client(connecting: impl Future<Output = io::Result<UnixStream>>, which: usize) -> io::Result<()> {
    let server = connecting.await?;
    let mut tx: Tx<_, Vec<u8>, 1> = Tx::new(&server, 16)?;
    let mut rx = Rx::new(&server)?;
    let text = std::env::temp_dir().join(format!("async-server-{}-{which}", std::process::id()));
    std::fs::write(&text, format!("the text of client {which}"))?;
    tx.queue(b"text".to_vec(), [File::open(&text)?.into()])?;
    tx.queue(b"no text".to_vec(), [File::open("/dev/null")?.into()])?;
    tx.flush_async().await?;
    std::fs::remove_file(text)?;

    let frame = rx.recv_async().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let [text] = frame.fds.take_exact()?;
    let mut came = String::new();
    Pipe::from(text).read_to_string(&mut came)?;
    println!("client {which}: {came}");
    assert_eq!(came, format!("THE TEXT OF CLIENT {which}"));
    let frame = rx.recv_async().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    println!("client {which}: {}", String::from_utf8_lossy(frame.bytes));
    Ok(())
}
