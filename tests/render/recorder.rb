# Prints as JSON what a Vagrantfile says to Vagrant: [names of the blocks that it stands in, setting, values].
# Everything is taken; whether the settings exist is for the real Vagrant to say.
require 'json'

class Recorder < BasicObject
  def initialize(calls, path)
    @calls, @path = calls, path
  end

  def method_missing(name, *values, **options, &block)
    values << options unless options.empty?
    if block
      @calls << [@path, name, values]
      block.call(::Recorder.new(@calls, @path + [name.to_s, *values.map(&:to_s)]))
    elsif values.empty?
      return ::Recorder.new(@calls, @path + [name.to_s])
    else
      @calls << [@path, name, values]
    end
    nil
  end
end

module Vagrant
  CALLS = []

  def self.configure(version)
    raise unless version == '2'

    yield Recorder.new(CALLS, [])
  end
end

load ARGV.fetch(0)
puts JSON.generate(Vagrant::CALLS)
