-- A tool that sends all of this at once has it read before it runs.
do 'begin
  if length($text$\\$text$) <> 2 then
    raise exception $text$learnplan-db: standard_conforming_strings is off in this session
  fix  %$text$, $text$begin it with PGOPTIONS=-c standard_conforming_strings=on$text$
      using errcode = $text$object_not_in_prerequisite_state$text$;
  end if;
end'
