# The real Sqitch, loaded once and asked many times; tests/warm.py starts and asks it.
#
# Run as sqitch is: perl -CAS. Its argument is the program of that name; each line on
# standard input is a question, as JSON: an array of a kind and what it needs. Each
# answer is a line of JSON.
#   ["run", directory, {environment}, out, err, argument, ...]  the exit code
#   ["targets", directory, {environment}]                       all names, sorted
#   ["config", file, [method, key, value, ...], ...]            what it says, and becomes
#   ["uri", text, part, value, ...]                             what a database URI means
#   ["format", text, {item}, abbreviation]                      what a formatter writes
use strict;
use warnings;
use utf8;
use POSIX qw(setlocale);
BEGIN { setlocale POSIX::LC_ALL, '' }
use Encode qw(encode_utf8);
use File::Temp;
use JSON::PP;
use App::Sqitch;
use App::Sqitch::DateTime;
use App::Sqitch::Engine::pg;
use App::Sqitch::ItemFormatter;
use App::Sqitch::Target;
use DBD::Pg;
use DateTime::TimeZone;
use Template::Tiny;
use URI::QueryParam;

require $_ for glob $INC{'App/Sqitch.pm'} =~ s/[.]pm\z//r . '/Command/*.pm';

my $program = shift @ARGV;
my $json = JSON::PP->new->utf8->canonical->allow_nonref;

sub slurp {
    my ($file) = @_;
    open my $handle, '<:encoding(UTF-8)', $file or return;
    local $/;
    return scalar <$handle>;
}

# Leave at once: to free all that the parent had loaded takes longer than many commands.
sub leave {
    my ($code) = @_;
    my %drivers = DBI->installed_drivers;
    for my $database ( map { @{ $_->{ChildHandles} } } values %drivers ) {
        $database->disconnect if $database && $database->{Active};
    }
    # The pager has a handle of its own; perl flushes all of them before it finds that
    # there is no such program.
    no warnings qw(exec syntax);
    exec {'/nonexistent'} 'x';
    POSIX::_exit( $code // 0 );
}

# The files go below the handles, which keep the layers that -CS and Sqitch gave them.
sub redirect {
    my ( $out, $err ) = @_;
    my $writing = POSIX::O_WRONLY | POSIX::O_CREAT | POSIX::O_TRUNC;
    my @files = ( [ '/dev/null', POSIX::O_RDONLY ], map { [ $_, $writing ] } $out, $err );
    for my $number ( 0 .. 2 ) {
        my $file = POSIX::open( @{ $files[$number] }, 0644 ) // die "open: $!";
        POSIX::dup2( $file, $number );
        POSIX::close($file);
    }
}

sub run {
    my ( $directory, $environment, $out, $err, @arguments ) = @_;
    my $pid = fork // die "fork: $!";
    if ( !$pid ) {
        redirect( encode_utf8($out), encode_utf8($err) );
        chdir encode_utf8($directory) or die "chdir: $!";
        %ENV = map { encode_utf8($_) } %{$environment};
        $ENV{ANSI_COLORS_DISABLED} = 1;    # as it is set on loading without a terminal
        @ARGV = @arguments;
        ( $0, $^W ) = ( $program, 1 );    # as its first line has it
        no warnings 'once';
        local *CORE::GLOBAL::exit = \&leave;    # what is compiled from here on
        do $program;
        print STDERR $@;
        leave(255);
    }
    waitpid $pid, 0;
    return $? & 127 ? 128 + ( $? & 127 ) : $? >> 8;
}

# Sqitch loads and compiles half of what it needs when it is first asked for; what is
# asked for here is there for all children.
sub prime {
    my $folder = File::Temp->newdir;
    local %ENV = (
        PATH                 => $ENV{PATH},
        HOME                 => "$folder",
        PGHOST               => "$folder",        # where no server listens
        SQITCH_FULLNAME      => 'N',
        SQITCH_EMAIL         => 'n@x',
        SQITCH_SYSTEM_CONFIG => "$folder/none",
    );
    open my $out, '>&', \*STDOUT or die;
    open my $err, '>&', \*STDERR or die;
    redirect( "$folder/out", "$folder/err" );
    chdir $folder or die;
    for my $line (
        'init p --engine pg', 'add a -n A', 'add b -r a -x q:z -n B', 'tag v1 -n V',
        'rework b -n B', 'show change b@v1', 'show tag v1', 'plan',
        'bundle', 'config -l', 'target', 'engine', 'status', 'log', 'deploy', 'verify',
      )
    {
        local @ARGV = split / /, $line;
        App::Sqitch->go;
        $_->flush for *STDOUT{IO}, *STDERR{IO};
    }
    chdir '/';
    POSIX::dup2( fileno $out, 1 );
    POSIX::dup2( fileno $err, 2 );
}

sub targets {
    my ( $directory, $environment ) = @_;
    local %ENV = %{$environment};
    chdir $directory or die;
    my $sqitch = App::Sqitch->new( options => {}, config => App::Sqitch::Config->new );
    my @targets = App::Sqitch::Target->all_targets( sqitch => $sqitch );
    chdir '/';
    return [ sort map { $_->name } @targets ];
}

sub config {
    my ( $file, @edits ) = @_;
    local $SIG{__WARN__} = sub { };
    my $config = App::Sqitch::Config->new;
    $config->data( {} );
    my $dump = eval { $config->load_file($file); $config->dump . '' };
    my @after = map {
        my ( $method, @rest ) = @{$_};
        eval { $config->$method( @rest, filename => $file ); 1 } ? slurp($file) : undef;
    } @edits;
    return [ $dump, \@after ];
}

sub uri {
    my ( $text, %parts ) = @_;
    local $SIG{__WARN__} = sub { };
    my $uri = URI::db->new($text);
    for my $part (qw(user host port dbname)) {
        $uri->$part( $parts{$part} ) if exists $parts{$part};
    }
    my $shown = $uri->clone;
    $shown->password(undef) if $uri->password;
    my %query = $uri->query_params;
    return [
        $uri->as_string, $shown->as_string, $uri->canonical_engine,
        $uri->user, $uri->password, $uri->host, scalar( $uri->_port ),
        scalar( $uri->dbname ), \%query,
    ];
}

sub formatted {
    my ( $text, $item, $abbrev ) = @_;
    local $SIG{__WARN__} = sub { };
    delete local $ENV{NO_COLOR};
    for my $key (qw(planned_at committed_at)) {
        my %when;
        @when{qw(year month day hour minute second)} = $item->{$key} =~ /(\d+)/g;
        $item->{$key} = App::Sqitch::DateTime->new( %when, time_zone => 'UTC' );
    }
    my $writer = App::Sqitch::ItemFormatter->new( color => 'always', abbrev => $abbrev );
    return scalar eval { $writer->format( $text, $item ) };
}

# Standard input and output belong to what is run.
open my $questions, '<&', \*STDIN or die;
open my $replies, '>&', \*STDOUT or die;
binmode $_ for $questions, $replies;
$replies->autoflush;
prime();
my %kinds = (
    run => \&run, targets => \&targets, config => \&config, uri => \&uri,
    format => \&formatted,
);
while ( my $line = <$questions> ) {
    my ( $kind, @rest ) = @{ $json->decode($line) };
    print {$replies} $json->encode( $kinds{$kind}->(@rest) ), "\n";
}
