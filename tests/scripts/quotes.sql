select 'it''s :registry', E'it\'s \\ :registry', U&'\0441;''\\', U&'d!0061t\0061' uescape '!', U&"\0061;" from (select 1 as "a;") as t;
select 'a'
  'b;' -- c
  ';e', E'a'
  'b', b'01', x'1f', n'é;';
select $$:registry;'$$, $a$;$$;$b$;$a$, $ž$$a$ ; "$ž$;
select 1 as "it""s;", ':x', "a:registry" from (select 2 as "a:registry") as t;
