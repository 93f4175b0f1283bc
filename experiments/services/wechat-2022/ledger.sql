CREATE TABLE payments (number text PRIMARY KEY, purchase text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());

