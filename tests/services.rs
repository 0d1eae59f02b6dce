//! The example services as one small system, with the broker: whoever is killed meanwhile, every order is confirmed at least
//! once, and those of a customer in order.

use std::collections::HashMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use naru_client::admin::NewTopic;
use naru_client::{Client, Record};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::timeout;

const CUSTOMERS: usize = 6;
/// Longer than anything here takes, shorter than anybody's patience.
const LIMIT: Duration = Duration::from_mins(1);

/// Highest number by customer.
type Orders = HashMap<String, u64>;

#[tokio::test(flavor = "multi_thread")]
async fn every_order_is_confirmed_in_order_while_everyone_is_killed_in_turn() {
    let mut system = System::start();
    let client = system.client().await;
    let topics = ["orders", "payments", "confirmations"].map(|name| NewTopic::new(name).partitions(3));
    for (_, created) in client.admin().create_topics(topics).await.unwrap() {
        created.unwrap();
    }
    system.payments = Some(service("payments", &system.address));
    system.confirmations = Some(service("confirmations", &system.address));

    let sent = Arc::new(Mutex::new(Orders::new()));
    let (confirmed_sender, mut confirmed) = watch::channel(Orders::new());
    let (stop, stopped) = watch::channel(false);
    let sending = tokio::spawn(send_orders(client.clone(), Arc::clone(&sent), stopped));
    let watching = tokio::spawn(watch_confirmations(client, confirmed_sender));

    progress(&sent, &mut confirmed).await;
    for victim in [Victim::Payments, Victim::Confirmations, Victim::Broker, Victim::Payments, Victim::Broker] {
        system.kill_and_start_again(victim);
        progress(&sent, &mut confirmed).await;
    }
    stop.send_replace(true);
    timeout(LIMIT, sending).await.expect("the producer ends").unwrap();
    let all = sent.lock().unwrap().clone();
    reached(&all, &mut confirmed).await;
    assert!(!watching.is_finished(), "{:?}", watching.await);
}

/// Waits until everything is confirmed that was sent by now, and something was.
async fn progress(sent: &Mutex<Orders>, confirmed: &mut watch::Receiver<Orders>) {
    let goal =
        |now: &Orders| -> Orders { now.iter().map(|(customer, number)| (customer.clone(), number + 3)).collect() };
    let start = goal(&sent.lock().unwrap());
    let started: Orders = (0..CUSTOMERS).map(|number| (customer(number), 3)).collect();
    reached(&started, confirmed).await;
    reached(&start, confirmed).await;
}

async fn reached(goal: &Orders, confirmed: &mut watch::Receiver<Orders>) {
    let done = |now: &Orders| goal.iter().all(|(customer, number)| now.get(customer).is_some_and(|now| now >= number));
    let seen = confirmed.clone();
    let reached = timeout(LIMIT, confirmed.wait_for(done)).await;
    let reached = reached.unwrap_or_else(|_| panic!("{goal:?} was not reached: {:?}", seen.borrow()));
    drop(reached.expect("an order was left out, or overtaken: see above"));
}

fn customer(number: usize) -> String {
    format!("customer-{number}")
}

/// Orders 1, 2, 3 … of each customer, each after the one before it is stored.
async fn send_orders(client: Client, sent: Arc<Mutex<Orders>>, stopped: watch::Receiver<bool>) {
    let producer = client.producer().build().unwrap();
    let mut number = 0;
    while !*stopped.borrow() {
        number += 1;
        // Slower than the services are, so that they make up for the time in which one was gone.
        tokio::time::sleep(Duration::from_millis(50)).await;
        for customer in (0..CUSTOMERS).map(customer) {
            producer.send(Record::to("orders").key(customer.clone()).value(number.to_string())).await.unwrap();
            sent.lock().unwrap().insert(customer, number);
        }
    }
}

/// Panics when a confirmation is missing between two that follow each other.
async fn watch_confirmations(client: Client, confirmed: watch::Sender<Orders>) {
    let mut consumer = client.consumer().topics(["confirmations"]).build().await.unwrap();
    loop {
        let record = match consumer.recv().await {
            Ok(record) => record,
            Err(error) if error.is_retriable() => continue,
            Err(error) => panic!("{error}"),
        };
        let customer = String::from_utf8(record.key.unwrap().to_vec()).unwrap();
        let number: u64 = std::str::from_utf8(&record.value.unwrap()).unwrap().parse().unwrap();
        let last = confirmed.borrow().get(&customer).copied().unwrap_or(0);
        assert!(number <= last + 1, "{customer}: {number} came after {last}");
        confirmed.send_modify(|confirmed| _ = confirmed.insert(customer, number.max(last)));
    }
}

#[derive(Clone, Copy, Debug)]
enum Victim {
    Broker,
    Payments,
    Confirmations,
}

/// All processes; they end with the test.
struct System {
    address: String,
    data: TempDir,
    broker: Child,
    payments: Option<Child>,
    confirmations: Option<Child>,
}

impl System {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (address, data) = (port.to_string(), TempDir::new().unwrap());
        let broker = broker(&address, data.path());
        Self { address, data, broker, payments: None, confirmations: None }
    }

    /// A client, as soon as the broker answers.
    async fn client(&self) -> Client {
        let connecting = async {
            loop {
                match Client::connect(&self.address).await {
                    Ok(client) => return client,
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        };
        timeout(LIMIT, connecting).await.expect("the broker starts")
    }

    fn kill_and_start_again(&mut self, victim: Victim) {
        match victim {
            Victim::Broker => {
                kill(&mut self.broker);
                self.broker = broker(&self.address, self.data.path());
            }
            Victim::Payments => {
                self.payments.iter_mut().for_each(kill);
                self.payments = Some(service("payments", &self.address));
            }
            Victim::Confirmations => {
                self.confirmations.iter_mut().for_each(kill);
                self.confirmations = Some(service("confirmations", &self.address));
            }
        }
    }
}

impl Drop for System {
    fn drop(&mut self) {
        self.payments.iter_mut().chain(&mut self.confirmations).chain([&mut self.broker]).for_each(kill);
    }
}

fn kill(process: &mut Child) {
    // Already gone where the test has failed.
    let _ = process.kill();
    let _ = process.wait();
}

fn broker(address: &str, data: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_naru"));
    command.args(["serve", "--listen", address, "-X", "group.initial.rebalance.delay.ms=0", "--data-dir"]).arg(data);
    command.stderr(Stdio::null()).spawn().expect("naru runs")
}

fn service(name: &str, address: &str) -> Child {
    Command::new(example(name)).arg(address).stdout(Stdio::null()).spawn().expect("the example runs")
}

/// The program of an example of the client, beside the broker's own; made if it is not there, or old.
fn example(name: &str) -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "naru-client", "--example", name])
        .args((!cfg!(debug_assertions)).then_some("--release"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.expect("cargo runs").success(), "example {name} is not built");
    Path::new(env!("CARGO_BIN_EXE_naru")).with_file_name("examples").join(name)
}
