//! A logger's service over a log of ticks and orders, in a thread of the test.

#![allow(dead_code, reason = "each test file takes what it needs")]

use archive::{Client, Service, Settings, Store};
use journal::{Journal, Options, Stream};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;
use wire::command::{CancelOrder, Side, Tick};
use wire::frame::{self, Origin};
use wire::*;

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// So many frames: a tick, then a longer one whose length is no multiple of eight, and so on.
pub(crate) fn frames(count: usize) -> Vec<Vec<u8>> {
    let mut last = Position::GENESIS;
    let stamped = |nth| {
        let mut to = [0; MAX_FRAME_LEN];
        let origin = Origin {
            source: NodeId(3),
            incarnation: Incarnation(1),
            source_seq: SourceSeq(nth as u64),
            received: Nanos(5),
        };
        let cancel = CancelOrder {
            session: SessionId(1),
            client_seq: 2,
            instrument: InstrumentId(1),
            side: Side::Buy,
            reserved: [0; 3],
            cl_ord_id: ClOrdId::new(format!("order-{nth}").as_bytes()).unwrap(),
            orig_cl_ord_id: ClOrdId::new(&[b'x'; 20]).unwrap(),
        };
        let length = if nth % 2 == 0 {
            frame::write(&mut to, origin, &Tick {})
        } else {
            frame::write(&mut to, origin, &cancel)
        };
        last = frame::stamp(&mut to[..length], last, Epoch(1), Nanos(nth as u64));
        to[..length].to_vec()
    };
    (0..count).map(stamped).collect()
}

/// The place of a frame, by its number.
pub(crate) fn place(frames: &[Vec<u8>], number: u64) -> Position {
    match number {
        0 => Position::GENESIS,
        _ => Frame::read(&frames[number as usize - 1]).unwrap().position(),
    }
}

/// One that serves until it is dropped.
pub(crate) struct Logger {
    pub(crate) address: SocketAddr,
    pub(crate) log: PathBuf,
    pub(crate) store: Store,
    told: Arc<Mutex<Vec<u64>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    dir: TempDir,
}

pub(crate) fn try_open(address: SocketAddr, log: &Path, store: Store) -> std::io::Result<Service> {
    open(address, log, store, Arc::default())
}

fn open(
    address: SocketAddr,
    log: &Path,
    store: Store,
    told: Arc<Mutex<Vec<u64>>>,
) -> std::io::Result<Service> {
    let settings = Settings {
        cluster: wire::cluster_id("test"),
        log: log.into(),
        events: log.with_file_name("events"),
        store,
        keep: 3,
        kept: Box::new(move |head| told.lock().unwrap().push(head.about.position.seq.0)),
    };
    Service::open(address, settings)
}

impl Logger {
    /// Segments of 64 KiB.
    pub(crate) fn start(frames: &[Vec<u8>]) -> Self {
        Self::start_with(frames, 64 << 10)
    }

    pub(crate) fn start_with(frames: &[Vec<u8>], segment_len: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let options = Options {
            cluster: wire::cluster_id("test"),
            stream: Stream::Frames,
            segment_len,
            create: true,
            power_cut: false,
        };
        let (mut journal, _) = Journal::open(&log, &options, &mut |_| {}).unwrap();
        frames.iter().for_each(|frame| journal.append(frame).unwrap());
        let store = Store::open(&dir.path().join("snapshots")).unwrap();
        let (told, stop) = (Arc::<Mutex<Vec<u64>>>::default(), Arc::<AtomicBool>::default());
        let service =
            open(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), &log, store.clone(), Arc::clone(&told)).unwrap();
        let address = service.address().unwrap();
        let until = Arc::clone(&stop);
        let thread = std::thread::spawn(move || service.run(&|| until.load(Ordering::Acquire)).unwrap());
        Self { address, log, store, told, stop, thread: Some(thread), dir }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address, PATIENCE).unwrap()
    }

    /// Which snapshots the service has told of, since it was asked last.
    pub(crate) fn told(&self) -> Vec<u64> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }

    /// A store of somebody else's.
    pub(crate) fn other_store(&self) -> Store {
        let dir = tempfile::tempdir_in(self.dir.path()).unwrap().keep();
        Store::open(&dir).unwrap()
    }

    pub(crate) fn segments(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> =
            std::fs::read_dir(&self.log).unwrap().map(|entry| entry.unwrap().path()).collect();
        found.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
        found.sort();
        found
    }
}

impl Drop for Logger {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking(), "the service panicked");
    }
}

/// Says what [`Client::keep`] says before the file: as bytes, since a client would go on.
pub(crate) fn ask_to_keep(stream: &mut TcpStream, seq: u64, length: u64) {
    #[derive(serde::Serialize)]
    enum Request {
        #[allow(dead_code)]
        List,
        #[allow(dead_code)]
        Snapshot(u64),
        Keep {
            seq: u64,
            length: u64,
        },
    }
    let body = cluster::control::encode_within::<4096, _>(&Request::Keep { seq, length }).unwrap();
    let mut bytes = u32::try_from(body.len()).unwrap().to_le_bytes().to_vec();
    bytes.extend(body);
    std::io::Write::write_all(stream, &bytes).unwrap();
}

/// Waits until it is so.
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if is_so() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    panic!("waited in vain");
}
