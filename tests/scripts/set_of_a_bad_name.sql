\set a-b 5
-- <here is the line above
