//! Requests that wander through the services, so that several lines share a trace id, a user and a path.

use super::vocabulary::{self, Pool};
use crate::rng::{Rng, Zipf};

/// One request of an imaginary user.
#[derive(Clone, Debug)]
pub struct Request {
    /// 32 hexadecimal digits, if the request is one of those that are traced.
    pub trace: Option<String>,
    pub user: u64,
    pub client: [u8; 4],
    pub method: &'static str,
    pub path: String,
    pub route: &'static str,
    pub status: u16,
    pub micros: u64,
    pub bytes: u64,
    pub agent: String,
    pub item: u64,
    lines_left: u32,
    drawn: u32,
}

impl Request {
    /// Whether this is the first line about it.
    pub fn is_fresh(&self) -> bool {
        self.drawn == 1
    }
}

/// The requests under way, and what new ones are drawn from.
#[derive(Debug)]
pub struct Requests {
    active: Vec<Request>,
    users: Zipf,
    items: Zipf,
    routes: Zipf,
    agents: Pool<String>,
}

const ACTIVE: usize = 64;
/// The part of all requests that is traced.
const TRACED: f64 = 0.28;
const USERS: usize = 20_000;
const ITEMS: usize = 40_000;

/// Method, route, and whether the route ends in an id.
const ROUTES: [(&str, &str, bool); 24] = [
    ("GET", "/", false),
    ("GET", "/api/v1/products", true),
    ("GET", "/healthz", false),
    ("GET", "/api/v1/search", false),
    ("GET", "/api/v1/cart", false),
    ("POST", "/api/v1/cart/items", false),
    ("GET", "/api/v1/products/recommended", false),
    ("GET", "/static/app.js", false),
    ("GET", "/static/site.css", false),
    ("GET", "/api/v1/orders", true),
    ("POST", "/api/v1/orders", false),
    ("GET", "/api/v1/session", false),
    ("POST", "/api/v1/session", false),
    ("GET", "/images/thumb", true),
    ("PUT", "/api/v1/cart/items", true),
    ("GET", "/api/v1/profile", false),
    ("DELETE", "/api/v1/cart/items", true),
    ("GET", "/api/v2/prices", true),
    ("POST", "/api/v1/payments", false),
    ("GET", "/api/v1/payments", true),
    ("GET", "/api/v1/shipments", true),
    ("PATCH", "/api/v1/profile", false),
    ("POST", "/internal/events", false),
    ("GET", "/metrics", false),
];

impl Requests {
    pub fn new(rng: &mut Rng) -> Self {
        let mut requests = Requests {
            active: Vec::with_capacity(ACTIVE),
            users: Zipf::new(USERS, 0.8),
            items: Zipf::new(ITEMS, 0.75),
            routes: Zipf::new(ROUTES.len(), 0.8),
            agents: vocabulary::agents(rng),
        };
        for _ in 0..ACTIVE {
            let request = requests.begin(rng);
            requests.active.push(request);
        }
        requests
    }

    /// The request that the next line is about. One that has had all its lines makes room for a new one.
    pub fn draw(&mut self, rng: &mut Rng) -> Request {
        let at = rng.index(ACTIVE);
        if self.active[at].lines_left == 0 {
            self.active[at] = self.begin(rng);
        }
        let request = &mut self.active[at];
        request.lines_left -= 1;
        request.drawn += 1;
        request.clone()
    }

    fn begin(&self, rng: &mut Rng) -> Request {
        let (method, route, with_id) = ROUTES[self.routes.draw(rng)];
        let (user, item) = (self.users.draw(rng) as u64, scatter(self.items.draw(rng) as u64) % 900_000 + 100_000);
        let client = (scatter(user / 3) as u32).to_be_bytes();
        Request {
            trace: rng.chance(TRACED).then(|| format!("{:016x}{:016x}", rng.next(), rng.next())),
            user: scatter(user) % 900_000 + 100_000,
            client: [10 + client[0] % 90, client[1], client[2], client[3]],
            method,
            path: if with_id { format!("{route}/{item}") } else { route.to_owned() },
            route,
            status: status(method, rng),
            micros: rng.latency(18_000.0),
            bytes: if with_id { 900 + scatter(item) % 7_000 } else { 180 + scatter(route.len() as u64) % 900 },
            agent: self.agents.draw(rng).clone(),
            item,
            lines_left: 3 + rng.below(6) as u32,
            drawn: 0,
        }
    }
}

fn status(method: &str, rng: &mut Rng) -> u16 {
    match rng.below(1000) {
        0..=17 => 404,
        18..=27 => 401,
        28..=33 => 429,
        34..=83 => 500,
        84..=108 => 503,
        109..=160 if method == "GET" => 304,
        _ if method == "POST" => 201,
        _ => 200,
    }
}

/// Spreads ranks over a number space, so that frequent things do not have small numbers.
pub fn scatter(rank: u64) -> u64 {
    rank.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_right(29)
}
