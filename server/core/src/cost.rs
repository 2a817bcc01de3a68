//! What an answer costs (providers.md §1).

use pi_protocol::{Cost, Model, Usage};

/// Computes `usage.cost` from the model's prices.
pub fn price(model: &Model, usage: &mut Usage) {
    let prompt = usage.input + usage.cache_read + usage.cache_write;
    let rates = &model.cost;
    let tier = rates
        .tiers
        .iter()
        .flatten()
        .filter(|it| prompt > it.input_tokens_above)
        .max_by_key(|it| it.input_tokens_above);
    let (input, output, read, write) = match tier {
        Some(it) => (it.input, it.output, it.cache_read, it.cache_write),
        None => (rates.input, rates.output, rates.cache_read, rates.cache_write),
    };
    let of = |rate: f64, tokens: u64| rate / 1e6 * tokens as f64;
    let hour = usage.cache_write_1h.unwrap_or(0).min(usage.cache_write);
    let mut cost = Cost {
        input: of(input, usage.input),
        output: of(output, usage.output),
        cache_read: of(read, usage.cache_read),
        cache_write: of(write, usage.cache_write - hour) + of(2.0 * input, hour),
        total: 0.0,
    };
    cost.total = cost.input + cost.output + cost.cache_read + cost.cache_write;
    usage.cost = cost;
}
