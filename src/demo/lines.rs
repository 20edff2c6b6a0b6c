//! What each service prints about a request.

use super::Service;
use super::request::{Outcome, Request};
use gantry_model::{Clock, SystemClock};
use serde_json::{Value, json};

/// The lines of `service` for one request; none when it had nothing to do.
pub fn of(service: Service, request: &Request) -> Vec<String> {
    match service {
        Service::Shop => shop(request),
        Service::Payments => payments(request),
        Service::Gateway => vec![gateway(request)],
    }
}

fn now_text() -> String {
    let now = SystemClock.now().nanos();
    chrono::DateTime::from_timestamp_nanos(now).format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn shop(request: &Request) -> Vec<String> {
    let line = |level: &str, message: &str, more: Value| {
        let mut line = json!({"time": now_text(), "level": level, "msg": message, "trace_id": request.trace, "customer": request.customer});
        if let (Some(line), Value::Object(more)) = (line.as_object_mut(), more) {
            line.extend(more);
        }
        line.to_string()
    };
    let mut lines =
        vec![line("info", "product shown", json!({"product": request.product, "duration_ms": request.millis}))];
    lines.extend(match request.outcome {
        Outcome::OnlyLooked => None,
        Outcome::Bought => Some(line("info", "order placed", json!({"product": request.product, "total_cents": request.cents}))),
        Outcome::CardDeclined => Some(line("warn", "order not paid", json!({"reason": "card declined"}))),
        Outcome::BankTimeout => {
            let stack = "PaymentError: no answer from payments within 3s\n    at charge (checkout.js:88)\n    at order (shop.js:41)";
            Some(line("error", "order failed", json!({"error": stack})))
        }
    });
    lines
}

fn payments(request: &Request) -> Vec<String> {
    let Request { trace, cents, millis, .. } = request;
    let (level, message) = match request.outcome {
        Outcome::OnlyLooked => return Vec::new(),
        Outcome::Bought => ("info", "charge accepted"),
        Outcome::CardDeclined => ("warn", "charge declined by issuer"),
        Outcome::BankTimeout => ("error", "bank did not answer, giving up"),
    };
    vec![format!(
        "ts={} level={level} msg=\"{message}\" trace_id={trace} amount={}.{:02} currency=EUR duration={millis}ms",
        now_text(),
        cents / 100,
        cents % 100
    )]
}

fn gateway(request: &Request) -> String {
    let (method, path, status) = match request.outcome {
        Outcome::OnlyLooked => ("GET", format!("/products/{}", request.product), 200),
        Outcome::Bought => ("POST", "/orders".to_owned(), 201),
        Outcome::CardDeclined => ("POST", "/orders".to_owned(), 402),
        Outcome::BankTimeout => ("POST", "/orders".to_owned(), 504),
    };
    let address = format!("10.1.{}.{}", request.customer % 4, request.customer % 250);
    format!(
        "{address} - {} [{}] \"{method} {path} HTTP/1.1\" {status} {} trace={} {}ms",
        request.customer,
        now_text(),
        200 + request.cents,
        request.trace,
        request.millis
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_agree_on_the_trace_of_a_request() {
        let request = (0..1000).map(|n| Request::new(n, false)).find(|r| r.outcome == Outcome::BankTimeout).unwrap();
        for service in Service::ALL {
            let lines = of(service, &request);
            assert!(!lines.is_empty() && lines.iter().all(|line| line.contains(&request.trace)), "{lines:?}");
        }
        assert!(of(Service::Shop, &request).iter().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    }
}
