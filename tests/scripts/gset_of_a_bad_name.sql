select 1 as "a b" \gset
-- <here is the line above
