\restrict abc
SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
CREATE TABLE public.t (a integer NOT NULL, b text);
COPY public.t (a, b) FROM stdin;
1	a\nb
2	\N
\.
ALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (a);
\unrestrict abc
