CREATE TABLE linkhook
(
    ts DateTime64(6, 'UTC'),
    host LowCardinality(String),
    seq UInt64,
    netns LowCardinality(String),
    event LowCardinality(String),
    action LowCardinality(String),
    origin LowCardinality(String),
    severity LowCardinality(String),
    ifname String,
    ifindex UInt32,
    signals Array(LowCardinality(String)),
    changed String,
    link String,
    addr String,
    route String,
    neigh String
)
ENGINE = ReplacingMergeTree
ORDER BY (host, seq, ts);
