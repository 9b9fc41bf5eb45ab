//! A network namespace with nothing but loopback in it, and a name server on port 53 there.

use std::net::UdpSocket;
use std::thread;

use rustix::ioctl::{Opcode, Setter, ioctl};

/// The part of `struct ifreq` (netdevice(7)) that setting flags needs.
#[repr(C)]
struct InterfaceFlags {
    name: [u8; 16],
    flags: i16,
    rest: [u8; 22],
}

const SIOCSIFFLAGS: Opcode = 0x8914;
const IFF_UP: i16 = 1;

/// A new namespace has its loopback interface down.
pub fn bring_loopback_up() {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    let mut name = [0; 16];
    name[..2].copy_from_slice(b"lo");
    let request = InterfaceFlags { name, flags: IFF_UP, rest: [0; 22] };
    // SAFETY: the request is laid out as the kernel expects, which only reads it.
    #[allow(unsafe_code, reason = "there is no safe call for it")]
    let up = unsafe { ioctl(&socket, Setter::<SIOCSIFFLAGS, _>::new(request)) };
    up.expect("CAP_NET_ADMIN in a namespace of our own");
}

/// Answers every question for an IPv4 address with 127.0.0.1 and all others with nothing; a name
/// that begins with `silent` gets no answer.
pub fn serve_names() {
    let socket = UdpSocket::bind("127.0.0.1:53").expect("port 53 in a namespace of our own");
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let question = &buffer[..length];
            if !question[12..].starts_with(b"\x06silent") {
                socket.send_to(&answer(question), from).expect("loopback");
            }
        }
    });
}

/// The message of RFC 1035: header, question, and one record that points back at its name.
fn answer(question: &[u8]) -> Vec<u8> {
    let name_end = 12 + question[12..].iter().position(|byte| *byte == 0).expect("a whole name");
    let asked = &question[12..name_end + 5];
    let is_ipv4 = asked[asked.len() - 4..] == [0, 1, 0, 1];
    let header = [0x81, 0x80, 0, 1, 0, u8::from(is_ipv4), 0, 0, 0, 0];
    let record: &[u8] = &[0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1];
    let record = if is_ipv4 { record } else { &[] };
    [&question[..2], &header, asked, record].concat()
}
