\set quota random(1, 10000)
\set resource random(1, 1000)
SELECT peer.allocate(:quota, 'runtime_' || :resource, 1);
